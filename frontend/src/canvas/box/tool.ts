/** Two ways to draw a box: drag it, or click its four extreme points (Papadopoulos et al., ICCV 2017). */

import { area, boxFrom, extremeBox, roundedBox } from "../../core/geometry";
import type { Xy, Xyxy } from "../../core/types";
import { handle, type Pen } from "../pen";
import { drawShape } from "../shapes";
import type { Bench, Pointer, Tool } from "../tool";

/** Below this size on screen a drag was a slip of the hand. */
const SMALLEST_SCREEN_PX = 3;

function commit(bench: Bench, box: Xyxy): void {
  const scale = bench.scale();
  const big =
    (box[2] - box[0]) * scale >= SMALLEST_SCREEN_PX && (box[3] - box[1]) * scale >= SMALLEST_SCREEN_PX;
  if (big && area(box) > 0) bench.draw({ type: "box", xyxy_px: roundedBox(box) }, "draw box");
}

function drawBox(pen: Pen, bench: Bench, box: Xyxy): void {
  const stroke = { color: bench.color(), width: 2, dash: [], alpha: 1, fill: 0.1 };
  drawShape(pen, { type: "box", xyxy_px: box }, stroke);
}

export class BoxTool implements Tool {
  readonly cursor = "crosshair";
  readonly words = "Drag from corner to corner.";
  private from: Xy | null = null;
  private to: Xy | null = null;

  constructor(private readonly bench: Bench) {}

  down(at: Pointer): void {
    this.from = at.image;
    this.to = at.image;
  }
  move(at: Pointer): void {
    if (this.from) this.to = at.image;
    this.bench.redraw();
  }
  up(at: Pointer): void {
    if (this.from) commit(this.bench, boxFrom(this.from, at.image, this.bench.size()));
    this.cancel();
    this.bench.redraw();
  }
  cancel(): boolean {
    const busy = this.from !== null;
    this.from = null;
    this.to = null;
    return busy;
  }
  draw(pen: Pen): void {
    if (this.from && this.to) drawBox(pen, this.bench, boxFrom(this.from, this.to, this.bench.size()));
  }
}

export class ExtremeTool implements Tool {
  readonly cursor = "crosshair";
  readonly words = "Click the top, left, bottom and right ends of the object.";
  private points: Xy[] = [];

  constructor(private readonly bench: Bench) {}

  down(at: Pointer): void {
    this.points.push(at.image);
    if (this.points.length === 4) {
      commit(this.bench, extremeBox(this.points, this.bench.size()));
      this.points = [];
    }
    this.bench.redraw();
  }
  move(_at: Pointer): void {}
  up(_at: Pointer): void {}
  cancel(): boolean {
    const busy = this.points.length > 0;
    this.points = [];
    return busy;
  }
  draw(pen: Pen): void {
    if (this.points.length > 1) drawBox(pen, this.bench, extremeBox(this.points, this.bench.size()));
    for (const point of this.points) handle(pen, point, true);
  }
}
