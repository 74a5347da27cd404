/** How sure an object is: its order in the list and its dashes. People's objects (no score) are sure. */

import type { DeskObject } from "./types";

/** 0 to 1, least certain lowest; 1 for what a person drew or accepted. */
export function certainty(object: DeskObject): number {
  return object.score === null ? 1 : Math.min(1, Math.max(0, object.score));
}

/** Is this still the model's word, not yet looked at by a person? */
export function isProposal(object: DeskObject): boolean {
  return object.score !== null;
}

/** Objects least certain first; people's last; ties keep their order. */
export function leastCertainFirst(objects: readonly DeskObject[]): DeskObject[] {
  const rank = (object: DeskObject) => (object.score === null ? 2 : certainty(object));
  return objects
    .map((object, i) => ({ object, i }))
    .sort((a, b) => rank(a.object) - rank(b.object) || a.i - b.i)
    .map(({ object }) => object);
}

/** Line dashes in screen pixels: none for people's, longer dashes the surer; [dash, gap]. */
export function dashes(object: DeskObject): number[] {
  if (object.score === null) return [];
  const level = Math.min(4, Math.floor(certainty(object) * 5));
  return (
    [
      [2, 5],
      [4, 5],
      [8, 5],
      [14, 4],
      [24, 3],
    ][level] ?? []
  );
}

/** ".41", "1", or "" for people's objects. */
export function scoreWords(score: number | null): string {
  if (score === null) return "";
  return score >= 0.995 ? "1" : score.toFixed(2).replace(/^0/, "");
}
