/** The review desk behind the page: one image on the table, the queue around it, tools, saving. */

import { computed, signal } from "@preact/signals";
import { makeBench } from "../../canvas/bench";
import { BoxTool, ExtremeTool } from "../../canvas/box/tool";
import { BrushTool } from "../../canvas/mask/brush";
import { MagicTool } from "../../canvas/mask/magic";
import type { Picture } from "../../canvas/pictures";
import { PointTool } from "../../canvas/point/tool";
import { PolygonTool } from "../../canvas/polygon/tool";
import { SelectTool } from "../../canvas/select";
import type { StageModel } from "../../canvas/stage";
import type { Cue, Tool, ToolName } from "../../canvas/tool";
import { fitView, pan, type View } from "../../canvas/view";
import { ApiError, api } from "../../core/api";
import { Editor } from "../../core/editor";
import { EffortTimer } from "../../core/effort";
import type { Size } from "../../core/geometry";
import { load as loadKeys } from "../../core/keymap";
import type { Waiting } from "../../core/outbox";
import { project, session } from "../../core/state";
import type { Sync } from "../../core/sync";
import type { Action, DeskRecord, QueuePage, SegmentReply, Shape, Xyxy } from "../../core/types";
import { neighborKey, nextTodo, Records } from "./records";
import { openSync } from "./saving";

export type Sheet = "palette" | "tag" | "flag" | "skip" | "keys" | "guide";
const HEARTBEAT_MS = 25_000;
const NO_CLASS_COLOR = "#bbbbbb";

/** As it was left; in a narrow window panels are drawers and begin closed. */
function panelOpen(side: "left" | "right"): boolean {
  return window.innerWidth > 900 && localStorage.getItem(`firstpass.${side}`) !== "closed";
}

export class Desk implements StageModel {
  readonly picture = signal<Picture | null>(null);
  readonly view = signal<View>({ scale: 1, x: 0, y: 0 });
  readonly stageSize = signal<Size>({ width: 800, height: 600 });
  readonly toolName = signal<ToolName>("select");
  readonly hidden = signal(false);
  readonly magnifier = signal(false);
  readonly brightness = signal(1);
  readonly contrast = signal(1);
  readonly brushPx = signal(16);
  readonly redrawn = signal(0);
  readonly queue = signal<QueuePage>({ items: [], total: 0, done: 0 });
  readonly sheet = signal<Sheet | null>(null);
  readonly words = signal("");
  readonly problem = signal<{ title: string; detail: string } | null>(null);
  readonly finished = signal(false);
  readonly bindings = signal(loadKeys(localStorage));
  readonly leftOpen = signal(panelOpen("left"));
  readonly rightOpen = signal(panelOpen("right"));
  readonly records = new Records();
  readonly editor: Editor;
  private timer = new EffortTimer(performance.now());
  private sync: Sync | null = null;
  private wanted: number | null = null;
  private heartbeat = 0;
  private readonly tools: Record<ToolName, Tool>;

  readonly key = computed(() => this.editor.record.value?.image.key ?? null);
  readonly ready = computed(() => {
    const record = this.editor.record.value;
    const picture = this.picture.value;
    return record !== null && picture !== null && picture.key === record.image.key && this.sizesAgree(record);
  });

  constructor() {
    this.editor = new Editor({
      act: (key, body) => this.send(key, "actions", body),
      effort: (action, count) => this.timer.finish(action, performance.now(), count),
      uuid: () => crypto.randomUUID(),
      now: () => new Date().toISOString(),
    });
    const bench = makeBench({
      editor: this.editor,
      size: () => this.imageSize(),
      scale: () => this.view.value.scale,
      brushPx: () => this.brushPx.value,
      colorOf: (name) => this.colorOf(name),
      pan: (dx, dy) => {
        this.view.value = pan(this.view.value, dx, dy);
      },
      segment: (cues, box) => this.segment(cues, box),
      say: (words) => this.say(words),
      redraw: () => {
        this.redrawn.value += 1;
      },
      ready: () => this.hasClass(),
    });
    this.tools = {
      select: new SelectTool(bench),
      box: new BoxTool(bench),
      extreme: new ExtremeTool(bench),
      polygon: new PolygonTool(bench),
      point: new PointTool(bench),
      brush: new BrushTool(bench, 1),
      eraser: new BrushTool(bench, 0),
      magic: new MagicTool(bench),
    };
  }

  tool(): Tool {
    return this.tools[this.toolName.value];
  }

  take(name: ToolName): void {
    this.tool().cancel();
    this.toolName.value = this.toolName.value === name ? "select" : name;
  }

  say(words: string): void {
    this.words.value = words;
  }

  activity(): void {
    this.timer.activity(performance.now());
  }

  colorOf(className: string): string {
    return project.value?.classes.find((c) => c.name === className)?.color || NO_CLASS_COLOR;
  }

  fit(): void {
    this.view.value = fitView(this.imageSize(), this.stageSize.value);
  }

  imageSize(): Size {
    const head = this.editor.record.value?.image;
    return { width: head?.width_px ?? 1, height: head?.height_px ?? 1 };
  }

  private sizesAgree(record: DeskRecord): boolean {
    const picture = this.picture.value;
    return picture?.width === record.image.width_px && picture.height === record.image.height_px;
  }

  private hasClass(): boolean {
    if (this.editor.sticky.value) return true;
    this.say("This project has no classes yet: add one on the Guide page.");
    return false;
  }

  private send(key: number, verb: string, body: { id: string } & Record<string, unknown>): void {
    this.records.forget(key);
    void this.sync?.put(key, `/images/${key}/${verb}`, body);
  }

  private async segment(cues: Cue[], box: Xyxy | null): Promise<Shape | null> {
    const key = this.key.value;
    if (key === null) return null;
    const labeler = project.value?.promptable[0] ?? null;
    if (!labeler) {
      this.say("No labeler of this project takes clicks.");
      return null;
    }
    this.say("Looking for the object …");
    try {
      const body = { clicks: cues, box_xyxy_px: box, labeler };
      const reply = await api.post<SegmentReply>(`/images/${key}/segment`, body);
      this.say(`Mask in ${Math.round(reply.milliseconds)} ms.`);
      return this.key.value === key ? reply.shape : null;
    } catch (error) {
      this.say(error instanceof ApiError ? `${error.message} ${error.remedy}`.trim() : "No mask came back.");
      return null;
    }
  }

  /** Called when the page opens, with the key from the address or null for the next in the queue. */
  async open(key: number | null): Promise<void> {
    try {
      this.sync ??= await openSync(project.value?.name ?? session.value?.project.name ?? "");
      this.editor.sticky.value ||= project.value?.classes[0]?.name ?? "";
      if (key === null) await this.openFirst();
      else if (key !== this.key.value) await this.show(key);
    } catch (error) {
      this.fail("The image cannot be opened", error);
    }
  }

  private async openFirst(): Promise<void> {
    this.queue.value = await this.records.queue(null);
    const { items } = this.queue.value;
    const first = items.find((item) => item.state === "todo" || item.state === "open") ?? null;
    if (first) this.go(first.image.key);
    else this.finished.value = true;
  }

  private fail(title: string, error: unknown): void {
    const api_ = error instanceof ApiError ? error : null;
    const detail = error instanceof Error ? error.message : String(error);
    this.problem.value = { title, detail: `${detail} ${api_?.remedy ?? ""}`.trim() };
  }

  private async show(key: number): Promise<void> {
    const before = this.key.value;
    if (before !== null && before !== key) this.release(before);
    this.wanted = key;
    const waiting = this.sync?.waitingFor(key) ?? [];
    const [fresh, picture] = await Promise.all([this.records.get(key), this.records.picture(key)]);
    const record = await this.newest(fresh);
    if (this.wanted !== key) return;
    this.put(record, picture, waiting);
    this.queue.value = await this.records.queue(key);
    this.records.ahead(this.queue.value.items, key);
    this.lease(key);
  }

  /** A record from before an action of ours arrived is read again. */
  private async newest(record: DeskRecord): Promise<DeskRecord> {
    const { key } = record.image;
    if (record.version >= (this.sync?.known(key) ?? 0)) return record;
    this.records.forget(key);
    return this.records.get(key);
  }

  private release(key: number): void {
    void api.delete(`/images/${key}/lease`).catch(() => undefined);
  }

  /** Record and picture go on the table together, so nothing is ever drawn on another image.
   *
   * `earlier`: what waited when the record was asked for; it may have arrived since and still be missing from the record.
   */
  private put(record: DeskRecord, picture: Picture, earlier: readonly Waiting[] = []): void {
    const key = record.image.key;
    this.tool().cancel();
    this.problem.value = null;
    this.finished.value = false;
    this.hidden.value = false;
    this.picture.value = picture;
    this.timer = new EffortTimer(performance.now());
    this.sync?.loaded(key, record.version);
    this.editor.load(record);
    for (const item of new Set([...earlier, ...(this.sync?.waitingFor(key) ?? [])])) {
      if (!item.path.endsWith("/actions")) continue;
      const action = item.body as unknown as Action;
      if (!record.history.some((known) => known.id === action.id)) this.editor.replay(action);
    }
    if (!this.sizesAgree(record)) {
      const { width_px, height_px } = record.image;
      this.problem.value = {
        title: "The picture is not the one that was recorded",
        detail: `It has ${picture.width} × ${picture.height} pixels, the record says ${width_px} × ${height_px}.
          It cannot be submitted: shapes would land in the wrong place. Import the images again.`,
      };
    }
    this.fit();
  }

  /** The conflict is settled: this is the image now. */
  reload(record: DeskRecord): void {
    this.records.forget(record.image.key);
    const picture = this.picture.value;
    if (picture && this.key.value === record.image.key) this.put(record, picture);
  }

  get syncing(): Sync | null {
    return this.sync;
  }

  private lease(key: number): void {
    clearInterval(this.heartbeat);
    const beat = async () => {
      const record = this.editor.record.value;
      if (record?.image.key !== key) return;
      const lease = await api.post<DeskRecord["lease"]>(`/images/${key}/lease`, {}).catch(() => null);
      const now = this.editor.record.value;
      if (lease && now?.image.key === key) this.editor.record.value = { ...now, lease };
    };
    void beat();
    this.heartbeat = window.setInterval(() => void beat(), HEARTBEAT_MS);
  }

  go(key: number): void {
    location.hash = `#/review/${key}`;
  }

  step(by: 1 | -1): void {
    const key = this.key.value;
    const next = key === null ? null : neighborKey(this.queue.value.items, key, by);
    if (next !== null) this.go(next);
    else this.say(by === 1 ? "This is the last image." : "This is the first image.");
  }

  /** Send the look and go on. `accept`: every proposal on screen is right. */
  submit(accept: boolean): void {
    const record = this.editor.record.value;
    const picture = this.picture.value;
    if (!record || !picture || !this.ready.value) {
      this.say("This image cannot be submitted until its picture is here and has the recorded size.");
      return;
    }
    if (accept) this.editor.acceptAll();
    else this.editor.dropUnseen();
    this.send(record.image.key, "submit", {
      id: crypto.randomUUID(),
      decoded_wh_px: [picture.width, picture.height],
      effort: this.timer.report(),
    });
    this.leave("submitted");
  }

  skip(reason: string): void {
    const key = this.key.value;
    if (key === null) return;
    this.send(key, "skip", { id: crypto.randomUUID(), reason });
    this.leave("skipped");
  }

  flag(note: string): void {
    const record = this.editor.record.value;
    if (!record) return;
    this.send(record.image.key, "flag", { id: crypto.randomUUID(), note });
    this.editor.record.value = { ...record, flag: note };
    this.mark(record.image.key, note ? "flagged" : "open");
    this.say(note ? "Flagged." : "The flag is gone.");
  }

  reopen(): void {
    const record = this.editor.record.value;
    if (!record) return;
    this.send(record.image.key, "reopen", { id: crypto.randomUUID() });
    this.editor.record.value = { ...record, status: "open" };
    this.mark(record.image.key, "open");
  }

  private mark(key: number, state: "submitted" | "skipped" | "flagged" | "open"): void {
    this.records.noteState(key, state);
    const { items, total, done } = this.queue.value;
    const was = items.find((item) => item.image.key === key)?.state;
    const more = state === "submitted" && was !== "submitted" ? 1 : 0;
    const next = items.map((item) => (item.image.key === key ? { ...item, state } : item));
    this.queue.value = { items: next, total, done: done + more };
  }

  private leave(state: "submitted" | "skipped"): void {
    const key = this.key.value;
    const record = this.editor.record.value;
    if (key === null || !record) return;
    this.editor.record.value = { ...record, status: state };
    this.mark(key, state);
    const next = nextTodo(this.queue.value.items, key);
    if (next !== null) this.go(next);
    else
      void this.records.queue(key).then(
        (page) => this.after(page, key),
        () => undefined,
      );
  }

  private after(page: QueuePage, key: number): void {
    const next = nextTodo(page.items, key);
    if (next !== null) this.go(next);
    else this.finished.value = true;
  }

  /** A request has arrived: the version on the page follows, for those who read it. */
  follow(news: { imageKey: number; version: number } | null): void {
    const record = this.editor.record.peek();
    if (news && record?.image.key === news.imageKey && record.version !== news.version) {
      this.editor.record.value = { ...record, version: news.version };
    }
  }
}
