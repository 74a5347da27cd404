/** The image on the table: its objects, what is selected, what is seen, and every change as an action. No DOM. */

import { computed, signal } from "@preact/signals";
import type { EffortAction } from "./effort";
import { applyChanges, applyTags, inverse, push, rebuild, type Stacks, type Step } from "./history";
import type { ActionKind, DeskObject, DeskRecord, ObjectChange, Shape, Tag, TagsChange } from "./types";
import { leastCertainFirst } from "./uncertainty";

export interface EditorPort {
  /** Keep and send one action of an image. */
  act(imageKey: number, body: { id: string } & Record<string, unknown>): void;
  /** Seconds of work since the last action, booked under this name. */
  effort(action: EffortAction, count: number): number;
  uuid(): string;
  now(): string;
}

export class Editor {
  readonly record = signal<DeskRecord | null>(null);
  readonly objects = signal<DeskObject[]>([]);
  readonly tags = signal<Tag[]>([]);
  readonly selectedId = signal<string | null>(null);
  readonly sticky = signal("");
  /** null = the thresholds learned per class; a number = one threshold for all, set by hand. */
  readonly threshold = signal<number | null>(null);
  readonly stacks = signal<Stacks>({ undo: [], redo: [] });
  readonly changed = signal(0);
  private readonly dismissed = signal<ReadonlySet<string>>(new Set());

  constructor(private readonly port: EditorPort) {}

  /** What is on screen: people's objects, and proposals at or above the threshold, also those hidden so far. */
  readonly visible = computed<DeskObject[]>(() => {
    const least = this.threshold.value;
    const here = this.objects.value;
    if (least === null) return here;
    const ids = new Set(here.map((object) => object.id));
    const shown = here.filter((object) => object.score === null || object.score >= least);
    const revealed = (this.record.value?.hidden ?? []).filter(
      (o) => !ids.has(o.id) && !this.dismissed.value.has(o.id) && (o.score ?? 1) >= least,
    );
    return [...shown, ...revealed];
  });
  readonly selected = computed<DeskObject | null>(
    () => this.visible.value.find((object) => object.id === this.selectedId.value) ?? null,
  );
  readonly ordered = computed(() => leastCertainFirst(this.visible.value));

  load(record: DeskRecord): void {
    this.record.value = record;
    this.objects.value = record.objects;
    this.tags.value = record.tags;
    this.selectedId.value = null;
    this.threshold.value = null;
    this.dismissed.value = new Set();
    this.stacks.value = rebuild(record.history);
    this.changed.value = 0;
  }

  /** Take an action that is kept but has not arrived, over a record fresh from the server. */
  replay(step: Step): void {
    this.objects.value = applyChanges(this.objects.value, step.changes);
    this.tags.value = applyTags(this.tags.value, step.tags);
    this.stacks.value = push(this.stacks.value, step);
  }

  /** Do it: on screen now, kept and sent behind. Returns false when there is nothing to change. */
  perform(
    kind: ActionKind,
    changes: ObjectChange[],
    effort: EffortAction | null,
    tags: TagsChange | null = null,
    count = 1,
  ): boolean {
    const record = this.record.value;
    if (!record || (changes.length === 0 && !tags)) return false;
    const step: Step = { kind, changes, tags };
    this.replay(step);
    this.changed.value += 1;
    const seconds = effort ? this.port.effort(effort, count) : null;
    this.port.act(record.image.key, {
      id: this.port.uuid(),
      kind,
      changes,
      tags,
      seconds,
      at: this.port.now(),
    });
    return true;
  }

  private before(id: string): DeskObject | null {
    return this.objects.value.find((object) => object.id === id) ?? null;
  }

  draw(shape: Shape, effort: EffortAction): string {
    const id = this.port.uuid();
    const object: DeskObject = {
      id,
      class_name: this.sticky.value,
      shape,
      score: null,
      text: null,
      attributes: {},
    };
    this.perform("draw", [{ object_id: id, before: null, after: object }], effort);
    this.selectedId.value = id;
    return id;
  }

  reshape(object: DeskObject, shape: Shape): void {
    const after = { ...object, shape, score: null };
    const effort: EffortAction = shape.type === "mask" ? "correct mask" : "adjust";
    this.perform("adjust", [{ object_id: object.id, before: this.before(object.id), after }], effort);
  }

  relabel(object: DeskObject, className: string): void {
    if (object.class_name === className && object.score === null) return;
    const after = { ...object, class_name: className, score: null };
    this.perform(
      "relabel",
      [{ object_id: object.id, before: this.before(object.id), after }],
      "change class",
    );
  }

  setAttribute(object: DeskObject, name: string, value: string): void {
    const after = { ...object, attributes: { ...object.attributes, [name]: value }, score: null };
    this.perform("adjust", [{ object_id: object.id, before: this.before(object.id), after }], "change class");
  }

  accept(object: DeskObject): void {
    if (object.score === null) return;
    const after = { ...object, score: null };
    this.perform("accept", [{ object_id: object.id, before: this.before(object.id), after }], "verify");
  }

  remove(object: DeskObject): void {
    const next = this.neighbor(object.id, 1);
    const before = this.before(object.id);
    if (before) this.perform("delete", [{ object_id: object.id, before, after: null }], "delete");
    this.dismissed.value = new Set([...this.dismissed.value, object.id]);
    this.selectedId.value = next && next.id !== object.id ? next.id : null;
  }

  setTags(after: Tag[], effort: EffortAction): void {
    this.perform("adjust", [], effort, { before: this.tags.value, after });
  }

  /** Proposals that the threshold hides do not count as accepted: they leave the image. */
  dropUnseen(): void {
    const seen = new Set(this.visible.value.map((object) => object.id));
    const gone = this.objects.value.filter((object) => !seen.has(object.id));
    this.perform(
      "delete",
      gone.map((object) => ({ object_id: object.id, before: object, after: null })),
      null,
    );
  }

  /** Everything on screen is right. */
  acceptAll(): void {
    const proposals = this.visible.value.filter((object) => object.score !== null);
    const changes = proposals.map((object) => ({
      object_id: object.id,
      before: this.before(object.id),
      after: { ...object, score: null },
    }));
    this.dropUnseen();
    this.perform("accept", changes, "verify", null, Math.max(1, changes.length));
  }

  undo(): boolean {
    return this.turn("undo");
  }

  redo(): boolean {
    return this.turn("redo");
  }

  private turn(kind: "undo" | "redo"): boolean {
    const { undo, redo } = this.stacks.value;
    const step = kind === "undo" ? undo.at(-1) : redo.at(-1);
    if (!step) return false;
    const back = kind === "undo" ? inverse(step, kind) : { ...step, kind };
    const ids = back.changes.map((change) => change.object_id);
    this.dismissed.value = new Set([...this.dismissed.value].filter((id) => !ids.includes(id)));
    this.perform(kind, back.changes, null, back.tags);
    const shown = back.changes.find((change) => change.after);
    if (ids.length === 1) this.selectedId.value = shown ? shown.object_id : null;
    return true;
  }

  neighbor(id: string | null, by: 1 | -1): DeskObject | null {
    const list = this.ordered.value;
    if (list.length === 0) return null;
    const at = list.findIndex((object) => object.id === id);
    if (at < 0) return (by === 1 ? list[0] : list.at(-1)) ?? null;
    return list[(at + by + list.length) % list.length] ?? null;
  }

  /** Raise or lower the threshold by 0.05, starting from the least certain proposal on screen. */
  moveThreshold(by: number): void {
    const scores = this.objects.value.flatMap((object) => (object.score === null ? [] : [object.score]));
    const start = this.threshold.value ?? Math.floor(Math.min(1, ...scores) * 20 + 1e-9) / 20;
    this.threshold.value = Math.min(1, Math.max(0, Math.round((start + by) * 20) / 20));
  }
}
