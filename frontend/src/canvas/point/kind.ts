/** Points: a ring with a dot, grabbed anywhere on it. */

import { clamp, rounded, type Size } from "../../core/geometry";
import type { PointShape } from "../../core/types";
import type { ShapeKind } from "../kind";
import { type Pen, type Stroke, strokePath } from "../pen";
import { toScreen } from "../view";

function at(x: number, y: number, size: Size): PointShape {
  return {
    type: "point",
    xy_px: [rounded(clamp(x, 0, size.width)), rounded(clamp(y, 0, size.height))],
  };
}

export const pointKind: ShapeKind<PointShape> = {
  draw(pen: Pen, shape: PointShape, stroke: Stroke): void {
    const [x, y] = toScreen(pen.view, shape.xy_px);
    pen.ctx.beginPath();
    pen.ctx.arc(x, y, 6, 0, 2 * Math.PI);
    strokePath(pen, stroke);
    pen.ctx.beginPath();
    pen.ctx.arc(x, y, 1.5, 0, 2 * Math.PI);
    pen.ctx.fillStyle = stroke.color;
    pen.ctx.fill();
  },
  hit: (shape, point, reach) =>
    Math.hypot(point[0] - shape.xy_px[0], point[1] - shape.xy_px[1]) <= reach * 1.5,
  handles: (shape) => [shape.xy_px],
  drag: (_shape, _index, to, size) => at(to[0], to[1], size),
  move: (shape, dx, dy, size) => at(shape.xy_px[0] + dx, shape.xy_px[1] + dy, size),
};
