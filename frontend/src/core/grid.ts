/** Which objects are near a point: a coarse grid over the image, so that a thousand boxes cost as little as ten. */

import { clamp, type Size, shapeBounds } from "./geometry";
import type { DeskObject, Xy } from "./types";

const CELLS = 48;

export class GridIndex {
  private readonly cells = new Map<number, DeskObject[]>();
  private readonly step: number;

  constructor(
    objects: readonly DeskObject[],
    readonly size: Size,
  ) {
    this.step = Math.max(1, Math.max(size.width, size.height) / CELLS);
    for (const object of objects) this.insert(object);
  }

  /** Objects whose bounds come within `reach` of the point, each once. */
  near(point: Xy, reach: number): DeskObject[] {
    const found = new Set<DeskObject>();
    const [x0, y0, x1, y1] = this.span(
      point[0] - reach,
      point[1] - reach,
      point[0] + reach,
      point[1] + reach,
    );
    for (let y = y0; y <= y1; y++) {
      for (let x = x0; x <= x1; x++) {
        for (const object of this.cells.get(y * (CELLS + 1) + x) ?? []) {
          const [left, top, right, bottom] = shapeBounds(object.shape);
          const inside = point[0] >= left - reach && point[0] <= right + reach;
          if (inside && point[1] >= top - reach && point[1] <= bottom + reach) found.add(object);
        }
      }
    }
    return [...found];
  }

  private insert(object: DeskObject): void {
    const [x0, y0, x1, y1] = this.span(...shapeBounds(object.shape));
    for (let y = y0; y <= y1; y++) {
      for (let x = x0; x <= x1; x++) {
        const id = y * (CELLS + 1) + x;
        const cell = this.cells.get(id);
        if (cell) cell.push(object);
        else this.cells.set(id, [object]);
      }
    }
  }

  private span(x0: number, y0: number, x1: number, y1: number): [number, number, number, number] {
    const cell = (value: number) => clamp(Math.floor(value / this.step), 0, CELLS);
    return [cell(x0), cell(y0), cell(x1), cell(y1)];
  }
}
