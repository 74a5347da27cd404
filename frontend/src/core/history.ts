/** Unlimited undo and redo, rebuilt from an image's stored actions.
 *
 * Undo and redo are themselves actions (kind "undo", "redo") that carry the changes turned round, so that the history on the
 * server only grows and both stacks can be rebuilt after a reload.
 */

import type { ActionKind, DeskObject, HistoryItem, ObjectChange, Tag, TagsChange } from "./types";

/** What one action changed. */
export interface Step {
  kind: ActionKind;
  changes: ObjectChange[];
  tags: TagsChange | null;
}
export interface Stacks {
  undo: Step[];
  redo: Step[];
}

export function inverse(step: Step, kind: ActionKind): Step {
  const changes = step.changes.map((c) => ({ object_id: c.object_id, before: c.after, after: c.before }));
  const tags = step.tags ? { before: step.tags.after, after: step.tags.before } : null;
  return { kind, changes: changes.reverse(), tags };
}

/** Same content, whatever the order of keys. */
export function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || !a || !b) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  const keys = Object.keys(left);
  return (
    keys.length === Object.keys(right).length && keys.every((k) => k in right && same(left[k], right[k]))
  );
}

/** Take one action into the stacks; returns new stacks. Both stacks hold the steps as first done. */
export function push(stacks: Stacks, step: Step): Stacks {
  const { undo, redo } = stacks;
  if (step.kind === "undo") {
    const at = undo.findLastIndex((done) => same(inverse(done, "undo"), step));
    const found = undo[at];
    if (found) return { undo: undo.filter((_, i) => i !== at), redo: [...redo, found] };
  }
  if (step.kind === "redo") {
    const at = redo.findLastIndex(
      (undone) => same(undone.changes, step.changes) && same(undone.tags, step.tags),
    );
    const found = redo[at];
    if (found) return { undo: [...undo, found], redo: redo.filter((_, i) => i !== at) };
  }
  return { undo: [...undo, step], redo: [] };
}

/** The stacks after all stored actions, oldest first. */
export function rebuild(history: readonly HistoryItem[]): Stacks {
  return history.reduce<Stacks>(
    (stacks, item) => push(stacks, { kind: item.kind, changes: item.changes, tags: item.tags }),
    { undo: [], redo: [] },
  );
}

/** Objects after changes: replaced in place, drawn ones at the end, deleted ones gone. Unknown ids are added. */
export function applyChanges(objects: readonly DeskObject[], changes: readonly ObjectChange[]): DeskObject[] {
  const after = new Map(changes.map((change) => [change.object_id, change.after]));
  const kept: DeskObject[] = [];
  for (const object of objects) {
    const next = after.get(object.id);
    if (next === undefined) kept.push(object);
    else if (next !== null) kept.push(next);
    after.delete(object.id);
  }
  for (const added of after.values()) if (added) kept.push(added);
  return kept;
}

export function applyTags(tags: readonly Tag[], change: TagsChange | null): Tag[] {
  return change ? change.after : [...tags];
}

/** The changes that lead from one list of objects to another, by id. */
export function difference(from: readonly DeskObject[], to: readonly DeskObject[]): ObjectChange[] {
  const now = new Map(from.map((object) => [object.id, object]));
  const changes: ObjectChange[] = [];
  for (const object of to) {
    const before = now.get(object.id) ?? null;
    now.delete(object.id);
    if (!before || !same(before, object)) changes.push({ object_id: object.id, before, after: object });
  }
  for (const before of now.values()) changes.push({ object_id: before.id, before, after: null });
  return changes;
}
