/** Masks: a tinted bitmap with a stroked edge; moved as a whole, changed with the brush. */

import { moveWithin, type Size, shapeBounds } from "../../core/geometry";
import { decode, encode } from "../../core/rle";
import type { MaskShape, Xy, Xyxy } from "../../core/types";
import type { ShapeKind } from "../kind";
import { type Pen, type Stroke, strokePath } from "../pen";
import { cut, pieces } from "./outline";

interface Drawn {
  box: Xyxy;
  bitmap: Uint8Array;
  path: Path2D;
  tints: Map<string, HTMLCanvasElement>;
}

const drawn = new WeakMap<MaskShape, Drawn>();

function drawnOf(shape: MaskShape): Drawn {
  let entry = drawn.get(shape);
  if (!entry) {
    const box = shapeBounds(shape);
    const [w, h] = [box[2] - box[0], box[3] - box[1]];
    const bitmap = cut(decode(shape), shape.width_px, box[0], box[1], w, h);
    const path = new Path2D();
    for (const piece of pieces(bitmap, h, w)) {
      path.moveTo(piece.x0 + box[0], piece.y0 + box[1]);
      path.lineTo(piece.x1 + box[0], piece.y1 + box[1]);
    }
    entry = { box, bitmap, path, tints: new Map() };
    drawn.set(shape, entry);
  }
  return entry;
}

function tintOf(entry: Drawn, color: string): HTMLCanvasElement {
  let canvas = entry.tints.get(color);
  if (!canvas) {
    canvas = document.createElement("canvas");
    canvas.width = Math.max(1, entry.box[2] - entry.box[0]);
    canvas.height = Math.max(1, entry.box[3] - entry.box[1]);
    paint(canvas, entry.bitmap, color);
    entry.tints.set(color, canvas);
  }
  return canvas;
}

/** Fill a canvas of the bitmap's size with the color where it is set. */
export function paint(canvas: HTMLCanvasElement, bitmap: Uint8Array, color: string): void {
  const ctx = canvas.getContext("2d");
  if (!ctx) return;
  const data = ctx.createImageData(canvas.width, canvas.height);
  for (let i = 0; i < bitmap.length; i++) if (bitmap[i]) data.data[i * 4 + 3] = 255;
  ctx.putImageData(data, 0, 0);
  ctx.globalCompositeOperation = "source-in";
  ctx.fillStyle = color;
  ctx.fillRect(0, 0, canvas.width, canvas.height);
  ctx.globalCompositeOperation = "source-over";
}

export const maskKind: ShapeKind<MaskShape> = {
  draw(pen: Pen, shape: MaskShape, stroke: Stroke): void {
    const entry = drawnOf(shape);
    const { ctx, view } = pen;
    ctx.save();
    ctx.translate(view.x, view.y);
    ctx.scale(view.scale, view.scale);
    ctx.imageSmoothingEnabled = false;
    ctx.globalAlpha = Math.max(stroke.fill, 0.22) * stroke.alpha;
    ctx.drawImage(tintOf(entry, stroke.color), entry.box[0], entry.box[1]);
    ctx.globalAlpha = 1;
    ctx.lineCap = "square";
    const thin = {
      ...stroke,
      width: stroke.width / view.scale,
      dash: stroke.dash.map((d) => d / view.scale),
    };
    strokePath(pen, thin, entry.path, 2 / view.scale);
    ctx.restore();
  },
  hit(shape: MaskShape, point: Xy, reach: number): boolean {
    const { box, bitmap } = drawnOf(shape);
    const w = box[2] - box[0];
    const r = Math.min(8, Math.ceil(reach));
    for (let dy = -r; dy <= r; dy += Math.max(1, r)) {
      for (let dx = -r; dx <= r; dx += Math.max(1, r)) {
        const x = Math.floor(point[0] - box[0] + dx);
        const y = Math.floor(point[1] - box[1] + dy);
        if (x >= 0 && x < w && y >= 0 && bitmap[y * w + x]) return true;
      }
    }
    return false;
  },
  handles: () => [],
  drag: (shape) => shape,
  move(shape: MaskShape, dx: number, dy: number, size: Size): MaskShape {
    const entry = drawnOf(shape);
    const [mx, my] = moveWithin(entry.box, Math.round(dx), Math.round(dy), size);
    return placed(entry.bitmap, entry.box, mx, my, shape.height_px, shape.width_px);
  },
};

function placed(bitmap: Uint8Array, box: Xyxy, dx: number, dy: number, h: number, w: number): MaskShape {
  const full = new Uint8Array(h * w);
  const width = box[2] - box[0];
  for (let y = 0; y < box[3] - box[1]; y++) {
    full.set(bitmap.subarray(y * width, (y + 1) * width), (box[1] + dy + y) * w + box[0] + dx);
  }
  return encode(full, h, w);
}

/** The bitmap of a stroke of the brush, for previews. */
export function previewStroke(pen: Pen, points: readonly Xy[], radius: number, color: string): void {
  const { ctx, view } = pen;
  ctx.save();
  ctx.translate(view.x, view.y);
  ctx.scale(view.scale, view.scale);
  ctx.globalAlpha = 0.4;
  ctx.lineCap = "round";
  ctx.lineJoin = "round";
  ctx.lineWidth = radius * 2;
  ctx.strokeStyle = color;
  ctx.beginPath();
  points.forEach(([x, y], i) => {
    if (i === 0) ctx.moveTo(x, y);
    ctx.lineTo(x + 0.01, y);
  });
  ctx.stroke();
  ctx.restore();
}
