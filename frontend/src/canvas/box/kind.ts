/** Boxes: drawn as rectangles, grabbed at eight handles. */

import { dragHandle, HANDLES, handlePoint, moveWithin, roundedBox, type Size } from "../../core/geometry";
import type { BoxShape, Xy } from "../../core/types";
import type { ShapeKind } from "../kind";
import { type Pen, type Stroke, strokePath } from "../pen";
import { toScreen } from "../view";

export const boxKind: ShapeKind<BoxShape> = {
  draw(pen: Pen, shape: BoxShape, stroke: Stroke): void {
    const [x0, y0] = toScreen(pen.view, [shape.xyxy_px[0], shape.xyxy_px[1]]);
    const [x1, y1] = toScreen(pen.view, [shape.xyxy_px[2], shape.xyxy_px[3]]);
    pen.ctx.beginPath();
    pen.ctx.rect(x0, y0, x1 - x0, y1 - y0);
    if (stroke.fill > 0) {
      pen.ctx.globalAlpha = stroke.fill;
      pen.ctx.fillStyle = stroke.color;
      pen.ctx.fill();
    }
    strokePath(pen, stroke);
  },
  hit(shape: BoxShape, point: Xy, reach: number): boolean {
    const [x0, y0, x1, y1] = shape.xyxy_px;
    return (
      point[0] >= x0 - reach && point[0] <= x1 + reach && point[1] >= y0 - reach && point[1] <= y1 + reach
    );
  },
  handles: (shape: BoxShape): Xy[] => HANDLES.map((name) => handlePoint(shape.xyxy_px, name)),
  drag(shape: BoxShape, index: number, to: Xy, size: Size): BoxShape {
    const name = HANDLES[index];
    return name ? { type: "box", xyxy_px: roundedBox(dragHandle(shape.xyxy_px, name, to, size)) } : shape;
  },
  move(shape: BoxShape, dx: number, dy: number, size: Size): BoxShape {
    const [x0, y0, x1, y1] = shape.xyxy_px;
    const [mx, my] = moveWithin(shape.xyxy_px, dx, dy, size);
    return { type: "box", xyxy_px: roundedBox([x0 + mx, y0 + my, x1 + mx, y1 + my]) };
  },
};
