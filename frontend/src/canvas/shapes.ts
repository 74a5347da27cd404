/** All kinds of shapes behind one set of functions. */

import type { Size } from "../core/geometry";
import type { Shape, Xy } from "../core/types";
import { boxKind } from "./box/kind";
import type { ShapeKind } from "./kind";
import { maskKind } from "./mask/kind";
import type { Pen, Stroke } from "./pen";
import { pointKind } from "./point/kind";
import { polygonKind } from "./polygon/kind";

const KINDS = { box: boxKind, polygon: polygonKind, mask: maskKind, point: pointKind };

function kindOf(shape: Shape): ShapeKind<Shape> {
  return KINDS[shape.type] as unknown as ShapeKind<Shape>;
}

export const drawShape = (pen: Pen, shape: Shape, stroke: Stroke) => kindOf(shape).draw(pen, shape, stroke);
export const hitShape = (shape: Shape, point: Xy, reach: number) => kindOf(shape).hit(shape, point, reach);
export const handlesOf = (shape: Shape) => kindOf(shape).handles(shape);
export const dragShape = (shape: Shape, index: number, to: Xy, size: Size) =>
  kindOf(shape).drag(shape, index, to, size);
export const moveShape = (shape: Shape, dx: number, dy: number, size: Size) =>
  kindOf(shape).move(shape, dx, dy, size);
