/** What the stage needs to know about a kind of shape; one folder per kind. */

import type { Size } from "../core/geometry";
import type { Shape, Xy } from "../core/types";
import type { Pen, Stroke } from "./pen";

export interface ShapeKind<S extends Shape> {
  draw(pen: Pen, shape: S, stroke: Stroke): void;
  /** Is the point on the shape, `reach` image pixels of slack? */
  hit(shape: S, point: Xy, reach: number): boolean;
  /** Points to grab when selected. */
  handles(shape: S): Xy[];
  /** The shape after handle number `index` went to `to`. */
  drag(shape: S, index: number, to: Xy, size: Size): S;
  /** The shape moved, kept inside the image. */
  move(shape: S, dx: number, dy: number, size: Size): S;
}
