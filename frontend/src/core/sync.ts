/** Saving behind the expert's back: each request goes to the outbox first, then to the server, in order, again until it
 * arrives. A 409 stops that one image until the expert has chosen; the others go on.
 */

import { ApiError } from "./api";
import type { Outbox, Waiting } from "./outbox";
import type { SaveMark } from "./state";
import type { DeskRecord } from "./types";

export interface SyncPort {
  /** POST path with If-Match; resolves to the new version. */
  send(path: string, body: unknown, ifMatch: number): Promise<{ version: number }>;
  /** Called on every change of the save mark. */
  mark(mark: SaveMark): void;
  /** A conflict on an image: the server's record and what waits here. */
  conflict(imageKey: number, current: DeskRecord | null, waiting: Waiting[]): void;
  /** The server refused for good (not a conflict): the words to show. The request is dropped. */
  refused(item: Waiting, error: ApiError): void;
  /** A request arrived. */
  arrived(item: Waiting, version: number): void;
  /** setTimeout, so that tests own the clock. */
  later(ms: number, run: () => void): void;
}

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;
/** Answers worth asking again for: no network, a server that restarts, too many requests. */
const AGAIN = new Set([0, 408, 425, 429, 500, 502, 503, 504]);

export class Sync {
  private queue: Waiting[] = [];
  private readonly held = new Set<number>();
  private readonly versions = new Map<number, number>();
  private running = false;
  private offline = false;
  private wait = FIRST_WAIT_MS;
  private timer = 0;

  constructor(
    private readonly outbox: Outbox,
    private readonly port: SyncPort,
  ) {}

  /** Read what an earlier tab left, and send it. */
  async start(): Promise<void> {
    const kept = await this.outbox.all();
    const known = new Set(this.queue.map((item) => item.seq));
    this.queue = [...kept.filter((item) => !known.has(item.seq)), ...this.queue];
    this.show();
    void this.flush();
  }

  /** The version the server told with a fresh record. */
  loaded(imageKey: number, version: number): void {
    this.versions.set(imageKey, Math.max(version, this.known(imageKey)));
  }

  /** The newest version that the server has told of; 0 when it has not. */
  known(imageKey: number): number {
    return this.versions.get(imageKey) ?? 0;
  }

  /** The version the next request of this image will be made on. */
  versionOf(imageKey: number): number {
    const mine = this.waitingFor(imageKey);
    const last = mine[mine.length - 1];
    return last ? last.base_version + 1 : (this.versions.get(imageKey) ?? 0);
  }

  waitingFor(imageKey: number): Waiting[] {
    return this.queue.filter((item) => item.image_key === imageKey);
  }

  isHeld(imageKey: number): boolean {
    return this.held.has(imageKey);
  }

  /** Keep a request, then send it. Resolves once it is kept on this machine (not when it has arrived). */
  async put(imageKey: number, path: string, body: { id: string } & Record<string, unknown>): Promise<void> {
    const draft = { seq: -1, image_key: imageKey, path, base_version: this.versionOf(imageKey), body };
    this.queue.push(draft);
    this.show();
    const { seq: _, ...item } = draft;
    draft.seq = (await this.outbox.add(item)).seq;
    if (!this.queue.includes(draft)) await this.outbox.remove(draft.seq);
    void this.flush();
  }

  /** After the expert has chosen: forget what waited, go on from the server's version. */
  async resolve(imageKey: number, version: number): Promise<void> {
    const mine = this.waitingFor(imageKey);
    this.queue = this.queue.filter((item) => item.image_key !== imageKey);
    this.held.delete(imageKey);
    this.versions.set(imageKey, version);
    for (const item of mine) await this.outbox.remove(item.seq);
    this.show();
    void this.flush();
  }

  /** Try now (the browser says it is online again). */
  retry(): void {
    this.wait = FIRST_WAIT_MS;
    this.timer += 1;
    void this.flush();
  }

  private next(): Waiting | undefined {
    return this.queue.find((item) => item.seq >= 0 && !this.held.has(item.image_key));
  }

  private async flush(): Promise<void> {
    if (this.running) return;
    this.running = true;
    try {
      for (let item = this.next(); item; item = this.next()) {
        if (!(await this.sendOne(item))) break;
      }
    } finally {
      this.running = false;
    }
    this.show();
  }

  private async sendOne(item: Waiting): Promise<boolean> {
    const version = item.base_version;
    try {
      const reply = await this.port.send(item.path, item.body, version);
      this.offline = false;
      this.wait = FIRST_WAIT_MS;
      this.follow(item, reply.version);
      await this.drop(item);
      this.port.arrived(item, reply.version);
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return this.failed(item, error);
    } finally {
      this.show();
    }
  }

  /** Requests made on top of `item` were made on its version + 1; the server may have counted otherwise. */
  private follow(item: Waiting, version: number): void {
    const shift = version - (item.base_version + 1);
    if (shift > 0) {
      for (const later of this.waitingFor(item.image_key)) if (later !== item) later.base_version += shift;
    }
    this.versions.set(item.image_key, version);
  }

  private async failed(item: Waiting, error: ApiError): Promise<boolean> {
    if (error.status === 409 || error.status === 412) {
      this.held.add(item.image_key);
      this.port.conflict(item.image_key, error.current, this.waitingFor(item.image_key));
      return true;
    }
    if (AGAIN.has(error.status)) {
      this.offline = true;
      const turn = ++this.timer;
      this.port.later(this.wait, () => {
        if (turn === this.timer) void this.flush();
      });
      this.wait = Math.min(this.wait * 2, LONGEST_WAIT_MS);
      return false;
    }
    await this.drop(item);
    this.port.refused(item, error);
    return true;
  }

  private async drop(item: Waiting): Promise<void> {
    this.queue = this.queue.filter((other) => other !== item);
    await this.outbox.remove(item.seq);
  }

  private show(): void {
    const waiting = this.queue.length;
    const state =
      this.held.size > 0 ? "conflict" : waiting === 0 ? "saved" : this.offline ? "offline" : "saving";
    this.port.mark({ state, waiting });
  }
}
