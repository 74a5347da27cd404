/** Polygon by vertices; Enter, a double click or the first vertex closes it. Inside the selected polygon it cuts a hole. */

import { clamp, inRing, ringArea, rounded } from "../../core/geometry";
import type { DeskObject, PolygonShape, Xy } from "../../core/types";
import { handle, type Pen } from "../pen";
import type { Bench, Pointer, Tool } from "../tool";
import { toScreen } from "../view";

const CLOSE_PX = 9;

/** The selected polygon with one more hole, when the ring lies inside one of its parts; else null. */
export function withHole(object: DeskObject | null, ring: Xy[]): PolygonShape | null {
  if (object?.shape.type !== "polygon") return null;
  const { parts } = object.shape;
  const at = parts.findIndex((part) => ring.every((point) => inRing(point, part.outer)));
  if (at < 0) return null;
  return {
    type: "polygon",
    parts: parts.map((part, i) => (i === at ? { ...part, holes: [...part.holes, ring] } : part)),
  };
}

export class PolygonTool implements Tool {
  readonly cursor = "crosshair";
  readonly words =
    "Click the corners; Enter or a double click closes. Inside the selected polygon it cuts a hole.";
  private points: Xy[] = [];
  private at: Xy | null = null;

  constructor(private readonly bench: Bench) {}

  down(at: Pointer): void {
    const first = this.points[0];
    const scale = this.bench.scale();
    const near = (p: Xy | undefined, px: number) =>
      p !== undefined && Math.hypot(p[0] - at.image[0], p[1] - at.image[1]) * scale < px;
    if (this.points.length >= 3 && near(first, CLOSE_PX)) {
      this.finish();
      return;
    }
    if (near(this.points.at(-1), 2)) return;
    const { width, height } = this.bench.size();
    this.points.push([rounded(clamp(at.image[0], 0, width)), rounded(clamp(at.image[1], 0, height))]);
    this.bench.redraw();
  }
  move(at: Pointer): void {
    this.at = at.image;
    if (this.points.length > 0) this.bench.redraw();
  }
  up(_at: Pointer): void {}
  twice(_at: Pointer): void {
    this.finish();
  }
  finish(): boolean {
    if (this.points.length === 0) return false;
    const ring = this.points;
    this.points = [];
    if (ring.length < 3 || ringArea(ring) <= 0) {
      this.bench.say("A polygon needs three corners that are not in one line.");
    } else {
      const selected = this.bench.selected();
      const holed = withHole(selected, ring);
      if (selected && holed) this.bench.reshape(selected, holed);
      else this.bench.draw({ type: "polygon", parts: [{ outer: ring, holes: [] }] }, "draw mask");
    }
    this.bench.redraw();
    return true;
  }
  cancel(): boolean {
    const busy = this.points.length > 0;
    this.points = [];
    return busy;
  }
  draw(pen: Pen): void {
    if (this.points.length === 0) return;
    const { ctx } = pen;
    ctx.beginPath();
    [...this.points, ...(this.at ? [this.at] : [])].forEach((point, i) => {
      const [x, y] = toScreen(pen.view, point);
      if (i === 0) ctx.moveTo(x, y);
      else ctx.lineTo(x, y);
    });
    ctx.strokeStyle = "#000";
    ctx.lineWidth = 4;
    ctx.stroke();
    ctx.strokeStyle = this.bench.color();
    ctx.lineWidth = 2;
    ctx.stroke();
    for (const point of this.points) handle(pen, point, true);
  }
}
