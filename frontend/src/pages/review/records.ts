/** Records and pictures of this image and the next, asked for ahead of time. */

import { type Picture, Pictures } from "../../canvas/pictures";
import { api } from "../../core/api";
import type { DeskRecord, QueueItem, QueuePage } from "../../core/types";

const FRESH_MS = 20_000;
const AHEAD = 3;

export class Records {
  readonly pictures = new Pictures();
  private readonly sent = new Map<number, QueueItem["state"]>();
  private readonly known = new Map<number, { at: number; record: Promise<DeskRecord> }>();

  /** The record as the server has it, at most 20 s old. */
  get(key: number): Promise<DeskRecord> {
    const entry = this.known.get(key);
    if (entry && Date.now() - entry.at < FRESH_MS) return entry.record;
    const record = api.get<DeskRecord>(`/images/${key}`);
    this.known.set(key, { at: Date.now(), record });
    record.catch(() => this.known.delete(key));
    return record;
  }

  forget(key: number): void {
    this.known.delete(key);
  }

  picture(key: number): Promise<Picture> {
    return this.pictures.get(key);
  }

  /** Decode the next three pictures and read the next record. */
  ahead(items: readonly QueueItem[], key: number): void {
    const at = items.findIndex((item) => item.image.key === key);
    items.slice(at + 1, at + 1 + AHEAD).forEach((item, i) => {
      if (i === 0) void this.get(item.image.key).catch(() => undefined);
      void this.picture(item.image.key).catch(() => undefined);
    });
  }

  /** What this tab has sent but the server may not have counted yet. */
  noteState(key: number, state: QueueItem["state"]): void {
    this.sent.set(key, state);
  }

  async queue(around: number | null): Promise<QueuePage> {
    const page = await api.get<QueuePage>(around === null ? "/queue" : `/queue?around=${around}`);
    const items = page.items.map((item) => ({ ...item, state: this.sent.get(item.image.key) ?? item.state }));
    const more = page.items.filter(
      (item, i) => item.state !== "submitted" && items[i]?.state === "submitted",
    );
    return { ...page, items, done: page.done + more.length };
  }
}

/** The neighbor in the strip; null at the ends. */
export function neighborKey(items: readonly QueueItem[], key: number, by: 1 | -1): number | null {
  const at = items.findIndex((item) => item.image.key === key);
  return items[at + by]?.image.key ?? null;
}

/** The next image that still waits, after this one and then from the start; null when all are done. */
export function nextTodo(items: readonly QueueItem[], key: number): number | null {
  const at = items.findIndex((item) => item.image.key === key);
  const order = [...items.slice(at + 1), ...items.slice(0, Math.max(0, at))];
  return order.find((item) => item.state === "todo" || item.state === "open")?.image.key ?? null;
}
