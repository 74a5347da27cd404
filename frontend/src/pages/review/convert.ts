/** Mask to box and box or polygon to mask. */

import { inPart, type Size, shapeBounds } from "../../core/geometry";
import { encode, maskArea } from "../../core/rle";
import type { DeskObject, PolygonShape, Shape, Xyxy } from "../../core/types";

/** A pixel belongs to a box or polygon when its center does. */
function fill(size: Size, box: Xyxy, inside: (x: number, y: number) => boolean): Uint8Array {
  const bitmap = new Uint8Array(size.width * size.height);
  const x1 = Math.min(size.width, Math.ceil(box[2]));
  const y1 = Math.min(size.height, Math.ceil(box[3]));
  for (let y = Math.max(0, Math.floor(box[1])); y < y1; y++) {
    for (let x = Math.max(0, Math.floor(box[0])); x < x1; x++) {
      if (inside(x + 0.5, y + 0.5)) bitmap[y * size.width + x] = 1;
    }
  }
  return bitmap;
}

function polygonMask(shape: PolygonShape, size: Size): Shape | null {
  const bitmap = fill(size, shapeBounds(shape), (x, y) => shape.parts.some((part) => inPart([x, y], part)));
  const mask = encode(bitmap, size.height, size.width);
  return maskArea(mask) > 0 ? mask : null;
}

/** A mask becomes its box, a box or polygon becomes a mask; a point stays (null). */
export function maskOrBox(object: DeskObject, size: Size): Shape | null {
  const { shape } = object;
  if (shape.type === "mask") return { type: "box", xyxy_px: shapeBounds(shape) };
  if (shape.type === "polygon") return polygonMask(shape, size);
  if (shape.type === "point") return null;
  const [x0, y0, x1, y1] = shape.xyxy_px;
  const bitmap = fill(size, shape.xyxy_px, (x, y) => x >= x0 && x <= x1 && y >= y0 && y <= y1);
  const mask = encode(bitmap, size.height, size.width);
  return maskArea(mask) > 0 ? mask : null;
}
