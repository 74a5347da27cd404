/** After a conflict: what is here and what the server has, and the three ways out. Nothing is lost in any of them. */

import { applyChanges, difference } from "./history";
import type { DeskObject, ObjectChange, TagsChange } from "./types";

export type Choice = "mine" | "theirs" | "both";

/** A waiting action's part that concerns objects and tags. */
export interface Made {
  changes: ObjectChange[];
  tags: TagsChange | null;
}

/** The objects as I would have them: everything not touched by me as it was, my changes on top. */
export function mineOver(base: readonly DeskObject[], made: readonly Made[]): DeskObject[] {
  return made.reduce<DeskObject[]>((objects, step) => applyChanges(objects, step.changes), [...base]);
}

/** Of each object that I touched: my last word, null where I deleted it. */
export function myWords(made: readonly Made[]): Map<string, DeskObject | null> {
  const words = new Map<string, DeskObject | null>();
  for (const step of made) for (const change of step.changes) words.set(change.object_id, change.after);
  return words;
}

/** The changes that lead from the server's objects to the choice.
 *
 * mine: my last word on each object I touched. both: the server's objects stay and my versions that differ come beside them
 * under new ids. theirs: nothing changes here (what was mine stays in the list of refused actions on the server).
 */
export function settle(
  choice: Choice,
  current: readonly DeskObject[],
  made: readonly Made[],
  uuid: () => string,
): ObjectChange[] {
  if (choice === "theirs") return [];
  if (choice === "mine") return difference(current, mineOver(current, made));
  const theirs = new Map(current.map((object) => [object.id, JSON.stringify(object)]));
  const changes: ObjectChange[] = [];
  for (const [id, mine] of myWords(made)) {
    if (!mine || theirs.get(id) === JSON.stringify(mine)) continue;
    const after = theirs.has(id) ? { ...mine, id: uuid() } : mine;
    changes.push({ object_id: after.id, before: null, after });
  }
  return changes;
}
