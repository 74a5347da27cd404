/** Plane geometry in image pixels (x to the right, y down): boxes, polygons, distances, moving and keeping inside. */

import { boundsOfRle } from "./rle";
import type { PolygonPart, Shape, Xy, Xyxy } from "./types";

export interface Size {
  width: number;
  height: number;
}

export function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}

/** A box from two opposite corners, in any order, cut to the image. */
export function boxFrom(a: Xy, b: Xy, size: Size): Xyxy {
  return [
    clamp(Math.min(a[0], b[0]), 0, size.width),
    clamp(Math.min(a[1], b[1]), 0, size.height),
    clamp(Math.max(a[0], b[0]), 0, size.width),
    clamp(Math.max(a[1], b[1]), 0, size.height),
  ];
}

/** The smallest box around points; [0,0,0,0] for none. */
export function boundsOf(points: readonly Xy[]): Xyxy {
  if (points.length === 0) return [0, 0, 0, 0];
  const box: Xyxy = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [x, y] of points) {
    box[0] = Math.min(box[0], x);
    box[1] = Math.min(box[1], y);
    box[2] = Math.max(box[2], x);
    box[3] = Math.max(box[3], y);
  }
  return box;
}

const boundsCache = new WeakMap<Shape, Xyxy>();

/** The box around any shape; a point's has no area. Remembered per shape, since shapes never change in place. */
export function shapeBounds(shape: Shape): Xyxy {
  if (shape.type === "box") return shape.xyxy_px;
  if (shape.type === "point") return [...shape.xy_px, ...shape.xy_px];
  let box = boundsCache.get(shape);
  if (!box) {
    box = shape.type === "polygon" ? boundsOf(shape.parts.flatMap((part) => part.outer)) : boundsOfRle(shape);
    boundsCache.set(shape, box);
  }
  return box;
}

export function area(box: Xyxy): number {
  return Math.max(0, box[2] - box[0]) * Math.max(0, box[3] - box[1]);
}

/** Intersection over union of two boxes, 0 when both are empty. */
export function iou(a: Xyxy, b: Xyxy): number {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  const both = Math.max(0, width) * Math.max(0, height);
  const all = area(a) + area(b) - both;
  return all > 0 ? both / all : 0;
}

export function center(box: Xyxy): Xy {
  return [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];
}

/** Distance of a point to a segment. */
export function segmentDistance(p: Xy, a: Xy, b: Xy): number {
  const dx = b[0] - a[0];
  const dy = b[1] - a[1];
  const length2 = dx * dx + dy * dy;
  const t = length2 > 0 ? clamp(((p[0] - a[0]) * dx + (p[1] - a[1]) * dy) / length2, 0, 1) : 0;
  return Math.hypot(p[0] - a[0] - t * dx, p[1] - a[1] - t * dy);
}

/** Even-odd test of a point against one closed ring. */
export function inRing(p: Xy, ring: readonly Xy[]): boolean {
  let inside = false;
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
    const a = ring[i];
    const b = ring[j];
    if (!a || !b) continue;
    if (a[1] > p[1] !== b[1] > p[1] && p[0] < ((b[0] - a[0]) * (p[1] - a[1])) / (b[1] - a[1]) + a[0]) {
      inside = !inside;
    }
  }
  return inside;
}

export function inPart(p: Xy, part: PolygonPart): boolean {
  return inRing(p, part.outer) && !part.holes.some((hole) => inRing(p, hole));
}

/** Area of a ring in square pixels, never negative. */
export function ringArea(ring: readonly Xy[]): number {
  let sum = 0;
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
    const a = ring[j];
    const b = ring[i];
    if (a && b) sum += a[0] * b[1] - b[0] * a[1];
  }
  return Math.abs(sum) / 2;
}

/** How far a shape with these bounds may move by (dx, dy) and stay in the image. */
export function moveWithin(box: Xyxy, dx: number, dy: number, size: Size): Xy {
  return [clamp(dx, -box[0], size.width - box[2]), clamp(dy, -box[1], size.height - box[3])];
}

/** The eight handles of a box, clockwise from the top left. */
export const HANDLES = ["nw", "n", "ne", "e", "se", "s", "sw", "w"] as const;
export type Handle = (typeof HANDLES)[number];

export function handlePoint(box: Xyxy, handle: Handle): Xy {
  const [cx, cy] = center(box);
  const x = handle.includes("w") ? box[0] : handle.includes("e") ? box[2] : cx;
  const y = handle.includes("n") ? box[1] : handle.includes("s") ? box[3] : cy;
  return [x, y];
}

/** The box after one handle went to `to`; corners may cross over, and the box stays inside the image. */
export function dragHandle(box: Xyxy, handle: Handle, to: Xy, size: Size): Xyxy {
  const next: Xyxy = [...box];
  if (handle.includes("w")) next[0] = to[0];
  if (handle.includes("e")) next[2] = to[0];
  if (handle.includes("n")) next[1] = to[1];
  if (handle.includes("s")) next[3] = to[1];
  return boxFrom([next[0], next[1]], [next[2], next[3]], size);
}

/** The box through four extreme points (top, left, bottom, right in any order). */
export function extremeBox(points: readonly Xy[], size: Size): Xyxy {
  const box = boundsOf(points);
  return boxFrom([box[0], box[1]], [box[2], box[3]], size);
}

/** Two decimals are plenty for a hand: keeps the wire and the history short. */
export function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}

export function roundedBox(box: Xyxy): Xyxy {
  return [rounded(box[0]), rounded(box[1]), rounded(box[2]), rounded(box[3])];
}
