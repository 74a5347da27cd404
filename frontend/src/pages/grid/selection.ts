/** The grid's rules without a page: where the focus goes, what is marked, what a verdict covers. */

import type { GridDecision, GridItem } from "../../core/types";

export type Marks = ReadonlySet<string>;

/** One object among those of all images. */
export function itemId(item: GridItem): string {
  return `${item.image.key}/${item.object.id}`;
}

export function toggled(marks: Marks, id: string): Marks {
  const next = new Set(marks);
  if (!next.delete(id)) next.add(id);
  return next;
}

/** Where an arrow key, Home or End leads; stays inside, and in its column where up and down would leave. */
export function moved(at: number, key: string, columns: number, count: number): number {
  const last = Math.max(0, count - 1);
  const to: Record<string, number> = {
    ArrowLeft: at - 1,
    ArrowRight: at + 1,
    ArrowUp: at - columns,
    ArrowDown: at + columns,
    Home: 0,
    End: last,
  };
  const next = to[key] ?? at;
  return next < 0 || next > last ? Math.min(at, last) : next;
}

function decision(item: GridItem, said: GridDecision["decision"], name: string | null): GridDecision {
  const { image, version, object } = item;
  return { image_key: image.key, version, object_id: object.id, decision: said, class_name: name };
}

/** Enter: marked ones are wrong and go, the rest is right. Only what was seen: on screen, its picture there. */
export function verdicts(shown: readonly GridItem[], marks: Marks, seen: Marks): GridDecision[] {
  return shown
    .filter((item) => seen.has(itemId(item)))
    .map((item) => decision(item, marks.has(itemId(item)) ? "delete" : "accept", null));
}

/** C: another class for the marked ones that were seen, and nothing for the others. */
export function relabels(
  shown: readonly GridItem[],
  marks: Marks,
  seen: Marks,
  className: string,
): GridDecision[] {
  return shown
    .filter((item) => marks.has(itemId(item)) && seen.has(itemId(item)))
    .map((item) => decision(item, "relabel", className));
}

/** How many tiles fit; at least one. */
export function fitting(
  width_px: number,
  height_px: number,
  tile_w_px: number,
  tile_h_px: number,
  gap_px: number,
): { columns: number; rows: number } {
  const columns = Math.max(1, Math.floor((width_px + gap_px) / (tile_w_px + gap_px)));
  const rows = Math.max(1, Math.floor((height_px + gap_px) / (tile_h_px + gap_px)));
  return { columns, rows };
}
