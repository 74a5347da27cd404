/** Brush and eraser: a stroke changes the selected mask, or begins a new one. */

import type { Size } from "../../core/geometry";
import { decode, encode, maskArea } from "../../core/rle";
import type { MaskShape, Xy } from "../../core/types";
import type { Pen } from "../pen";
import type { Bench, Pointer, Tool } from "../tool";
import { toScreen } from "../view";
import { previewStroke } from "./kind";

/** Set a disc of pixels (centers within the radius; always at least the pixel under the point). */
export function stampDisc(bitmap: Uint8Array, size: Size, at: Xy, radius: number, value: 0 | 1): void {
  const y0 = Math.max(0, Math.floor(at[1] - radius));
  const y1 = Math.min(size.height - 1, Math.floor(at[1] + radius));
  for (let y = y0; y <= y1; y++) {
    const dy = y + 0.5 - at[1];
    const half = Math.sqrt(Math.max(0, radius * radius - dy * dy));
    const x0 = Math.max(0, Math.ceil(at[0] - half - 0.5));
    const x1 = Math.min(size.width - 1, Math.floor(at[0] + half - 0.5));
    if (x1 >= x0) bitmap.fill(value, y * size.width + x0, y * size.width + x1 + 1);
  }
  const [px, py] = [Math.floor(at[0]), Math.floor(at[1])];
  if (px >= 0 && py >= 0 && px < size.width && py < size.height) bitmap[py * size.width + px] = value;
}

/** Discs along a line of points, close enough to leave no gaps. */
export function stampStroke(
  bitmap: Uint8Array,
  size: Size,
  points: readonly Xy[],
  radius: number,
  value: 0 | 1,
): void {
  points.forEach((point, i) => {
    const from = points[i - 1] ?? point;
    const steps = Math.max(
      1,
      Math.ceil(Math.hypot(point[0] - from[0], point[1] - from[1]) / Math.max(0.5, radius / 2)),
    );
    for (let k = 1; k <= steps; k++) {
      const t = k / steps;
      stampDisc(
        bitmap,
        size,
        [from[0] + t * (point[0] - from[0]), from[1] + t * (point[1] - from[1])],
        radius,
        value,
      );
    }
  });
}

export class BrushTool implements Tool {
  readonly cursor = "none";
  readonly words: string;
  private points: Xy[] = [];
  private at: Xy | null = null;

  constructor(
    private readonly bench: Bench,
    private readonly value: 0 | 1,
  ) {
    this.words = value ? "Paint the mask; [ ] change the size." : "Rub out of the mask; [ ] change the size.";
  }

  down(at: Pointer): void {
    if (!this.value && this.bench.selected()?.shape.type !== "mask") {
      this.bench.say("Select a mask first: the eraser takes from it.");
      return;
    }
    this.points = [at.image];
    this.bench.redraw();
  }
  move(at: Pointer): void {
    this.at = at.image;
    if (this.points.length > 0) this.points.push(at.image);
    this.bench.redraw();
  }
  up(_at: Pointer): void {
    const { points } = this;
    this.points = [];
    if (points.length === 0) return;
    const size = this.bench.size();
    const selected = this.bench.selected();
    const base = selected?.shape.type === "mask" ? selected.shape : null;
    const bitmap = base ? decode(base) : new Uint8Array(size.width * size.height);
    stampStroke(bitmap, size, points, this.bench.brushPx() / 2, this.value);
    const shape: MaskShape = encode(bitmap, size.height, size.width);
    if (maskArea(shape) === 0) this.bench.say("Nothing would be left; delete the object with X instead.");
    else if (selected && base) this.bench.reshape(selected, shape);
    else this.bench.draw(shape, "draw mask");
    this.bench.redraw();
  }
  cancel(): boolean {
    const busy = this.points.length > 0;
    this.points = [];
    return busy;
  }
  draw(pen: Pen): void {
    const radius = this.bench.brushPx() / 2;
    const color = this.value ? this.bench.color(this.bench.selected()?.class_name) : "#ffffff";
    if (this.points.length > 0) previewStroke(pen, this.points, radius, color);
    if (!this.at) return;
    const [x, y] = toScreen(pen.view, this.at);
    for (const [width, style] of [
      [3, "#000"],
      [1, this.value ? color : "#fff"],
    ] as const) {
      pen.ctx.beginPath();
      pen.ctx.arc(x, y, Math.max(1, radius * pen.view.scale), 0, 2 * Math.PI);
      pen.ctx.lineWidth = width;
      pen.ctx.strokeStyle = style;
      pen.ctx.stroke();
    }
  }
}
