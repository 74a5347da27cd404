/** Polygons with parts and holes: every vertex is a handle. */

import {
  clamp,
  inPart,
  moveWithin,
  rounded,
  type Size,
  segmentDistance,
  shapeBounds,
} from "../../core/geometry";
import type { PolygonShape, Xy } from "../../core/types";
import type { ShapeKind } from "../kind";
import { type Pen, type Stroke, strokePath } from "../pen";
import { toScreen } from "../view";

export function rings(shape: PolygonShape): Xy[][] {
  return shape.parts.flatMap((part) => [part.outer, ...part.holes]);
}

export function mapPoints(shape: PolygonShape, change: (point: Xy, index: number) => Xy): PolygonShape {
  let index = 0;
  const ring = (points: Xy[]) => points.map((point) => change(point, index++));
  return {
    type: "polygon",
    parts: shape.parts.map((part) => ({ outer: ring(part.outer), holes: part.holes.map(ring) })),
  };
}

function trace(pen: Pen, shape: PolygonShape): void {
  pen.ctx.beginPath();
  for (const ring of rings(shape)) {
    ring.forEach((point, i) => {
      const [x, y] = toScreen(pen.view, point);
      if (i === 0) pen.ctx.moveTo(x, y);
      else pen.ctx.lineTo(x, y);
    });
    pen.ctx.closePath();
  }
}

function nearEdge(shape: PolygonShape, point: Xy, reach: number): boolean {
  return rings(shape).some((ring) =>
    ring.some((a, i) => {
      const b = ring[(i + 1) % ring.length];
      return b !== undefined && segmentDistance(point, a, b) <= reach;
    }),
  );
}

export const polygonKind: ShapeKind<PolygonShape> = {
  draw(pen: Pen, shape: PolygonShape, stroke: Stroke): void {
    trace(pen, shape);
    pen.ctx.globalAlpha = Math.max(stroke.fill, 0.08) * stroke.alpha;
    pen.ctx.fillStyle = stroke.color;
    pen.ctx.fill("evenodd");
    strokePath(pen, stroke);
  },
  hit: (shape, point, reach) =>
    shape.parts.some((part) => inPart(point, part)) || nearEdge(shape, point, reach),
  handles: (shape) => rings(shape).flat(),
  drag: (shape, index, to, size) =>
    mapPoints(shape, (point, i) =>
      i === index ? [rounded(clamp(to[0], 0, size.width)), rounded(clamp(to[1], 0, size.height))] : point,
    ),
  move(shape: PolygonShape, dx: number, dy: number, size: Size): PolygonShape {
    const [mx, my] = moveWithin(shapeBounds(shape), dx, dy, size);
    return mapPoints(shape, ([x, y]) => [rounded(x + mx), rounded(y + my)]);
  },
};
