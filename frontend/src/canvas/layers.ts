/** The three sheets of the stage: picture, resting objects, and what is being worked on. */

import { type Size, shapeBounds } from "../core/geometry";
import type { DeskObject, Shape, Xy } from "../core/types";
import { dashes, scoreWords } from "../core/uncertainty";
import { handle, label, type Pen, type Stroke, strokePath } from "./pen";
import type { Picture } from "./pictures";
import { drawShape, handlesOf } from "./shapes";
import { toScreen, type View } from "./view";

/** More labels than this are noise. */
const MOST_LABELS = 250;

/** Give a canvas its size in device pixels and return a cleared context in CSS pixels. */
export function sheet(canvas: HTMLCanvasElement, size: Size): CanvasRenderingContext2D | null {
  const dpr = window.devicePixelRatio || 1;
  const width = Math.round(size.width * dpr);
  const height = Math.round(size.height * dpr);
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const ctx = canvas.getContext("2d");
  ctx?.setTransform(dpr, 0, 0, dpr, 0, 0);
  ctx?.clearRect(0, 0, size.width, size.height);
  return ctx;
}

export function drawPicture(canvas: HTMLCanvasElement, size: Size, view: View, picture: Picture): void {
  const ctx = sheet(canvas, size);
  if (!ctx) return;
  ctx.imageSmoothingEnabled = view.scale < 3;
  ctx.imageSmoothingQuality = "high";
  const { width, height } = picture;
  ctx.drawImage(picture.bitmap, view.x, view.y, width * view.scale, height * view.scale);
}

export interface Resting {
  objects: readonly DeskObject[];
  selectedId: string | null;
  colorOf(className: string): string;
}

/** Boxes that look alike, gathered into one path: a thousand cost little more than ten. */
class BoxBatches {
  private readonly batches = new Map<string, { path: Path2D; stroke: Stroke }>();

  add(stroke: Stroke, x0: number, y0: number, x1: number, y1: number): void {
    const like = `${stroke.color} ${stroke.dash.join()}`;
    let batch = this.batches.get(like);
    if (!batch) {
      batch = { path: new Path2D(), stroke };
      this.batches.set(like, batch);
    }
    batch.path.rect(x0, y0, x1 - x0, y1 - y0);
  }

  draw(pen: Pen): void {
    for (const { path, stroke } of this.batches.values()) strokePath(pen, stroke, path);
  }
}

/** All objects but the selected one; dimmed to 60 % while one is selected. */
export function drawResting(pen: Pen, size: Size, resting: Resting): void {
  const alpha = resting.selectedId ? 0.6 : 1;
  const labels = resting.objects.length <= MOST_LABELS;
  const boxes = new BoxBatches();
  const names: [string, Xy][] = [];
  for (const object of resting.objects) {
    if (object.id === resting.selectedId) continue;
    const box = shapeBounds(object.shape);
    const [x0, y0] = toScreen(pen.view, [box[0], box[1]]);
    const [x1, y1] = toScreen(pen.view, [box[2], box[3]]);
    if (x1 < -8 || y1 < -8 || x0 > size.width + 8 || y0 > size.height + 8) continue;
    const color = resting.colorOf(object.class_name);
    const stroke = { color, width: 2, dash: dashes(object), alpha, fill: 0 };
    if (object.shape.type === "box") boxes.add(stroke, x0, y0, x1, y1);
    else drawShape(pen, object.shape, stroke);
    const room = x1 - x0 > 26 || object.shape.type === "point";
    if (labels && room) names.push([scoreWords(object.score), [x0, y0]]);
  }
  boxes.draw(pen);
  for (const [text, at] of names) label(pen, text, at, alpha);
}

/** The selected object, thicker, with handles and its name. */
export function drawSelected(pen: Pen, object: DeskObject, shape: Shape, color: string): void {
  drawShape(pen, shape, { color, width: 3, dash: dashes(object), alpha: 1, fill: 0.06 });
  for (const point of handlesOf(shape)) handle(pen, point, shape.type !== "box");
  const box = shapeBounds(shape);
  const at = toScreen(pen.view, [box[0], box[1]]);
  label(pen, `${object.class_name} ${scoreWords(object.score)}`.trim(), [at[0], at[1] - 6]);
}

/** A round glass in the corner away from the pointer, four times the view, at least four pixels a pixel. */
export function drawMagnifier(
  ctx: CanvasRenderingContext2D,
  size: Size,
  view: View,
  picture: Picture,
  at: Xy,
): void {
  const radius = 80;
  const cx = at[0] > size.width / 2 ? radius + 12 : size.width - radius - 12;
  const cy = radius + 12;
  const scale = Math.max(4, view.scale * 4);
  const x = (at[0] - view.x) / view.scale;
  const y = (at[1] - view.y) / view.scale;
  ctx.save();
  ctx.beginPath();
  ctx.arc(cx, cy, radius, 0, 2 * Math.PI);
  ctx.fillStyle = "#000";
  ctx.fill();
  ctx.clip();
  ctx.imageSmoothingEnabled = false;
  ctx.drawImage(
    picture.bitmap,
    cx - x * scale,
    cy - y * scale,
    picture.width * scale,
    picture.height * scale,
  );
  ctx.strokeStyle = "#fff";
  ctx.lineWidth = 1;
  ctx.strokeRect(cx - 5.5, cy - 0.5, 11, 0.01);
  ctx.strokeRect(cx - 0.5, cy - 5.5, 0.01, 11);
  ctx.restore();
  ctx.beginPath();
  ctx.arc(cx, cy, radius, 0, 2 * Math.PI);
  ctx.strokeStyle = "#808080";
  ctx.lineWidth = 2;
  ctx.stroke();
}
