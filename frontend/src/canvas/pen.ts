/** Strokes that read on any picture: color over a darker line, dashes for uncertainty. */

import type { Xy } from "../core/types";
import { toScreen, type View } from "./view";

export interface Pen {
  ctx: CanvasRenderingContext2D;
  view: View;
}
export interface Stroke {
  color: string;
  width: number;
  dash: number[];
  alpha: number;
  /** 0 to 1, how much of the inside is tinted. */
  fill: number;
}

/** Stroke the current path twice, dark below and colored above, both in the same dashes. */
export function strokePath(pen: Pen, stroke: Stroke, path?: Path2D, rim = 2): void {
  const { ctx } = pen;
  ctx.globalAlpha = stroke.alpha * 0.7;
  ctx.setLineDash(stroke.dash);
  ctx.strokeStyle = "#000";
  ctx.lineWidth = stroke.width + rim;
  if (path) ctx.stroke(path);
  else ctx.stroke();
  ctx.globalAlpha = stroke.alpha;
  ctx.strokeStyle = stroke.color;
  ctx.lineWidth = stroke.width;
  if (path) ctx.stroke(path);
  else ctx.stroke();
  ctx.setLineDash([]);
  ctx.globalAlpha = 1;
}

/** A square handle, 8 px, white with a dark rim. */
export function handle(pen: Pen, at: Xy, round = false): void {
  const { ctx } = pen;
  const [x, y] = toScreen(pen.view, at);
  ctx.beginPath();
  if (round) ctx.arc(x, y, 4, 0, 2 * Math.PI);
  else ctx.rect(x - 4, y - 4, 8, 8);
  ctx.fillStyle = "#fff";
  ctx.strokeStyle = "#000";
  ctx.lineWidth = 1;
  ctx.fill();
  ctx.stroke();
}

/** A few letters on a dark plate, its lower left corner at a screen point. */
export function label(pen: Pen, text: string, at: Xy, alpha = 1): void {
  const { ctx } = pen;
  if (!text) return;
  ctx.globalAlpha = alpha;
  ctx.font = "12px system-ui, sans-serif";
  const width = ctx.measureText(text).width + 6;
  const y = Math.max(15, at[1]);
  ctx.fillStyle = "rgba(0, 0, 0, 0.72)";
  ctx.fillRect(at[0], y - 15, width, 15);
  ctx.fillStyle = "#fff";
  ctx.fillText(text, at[0] + 3, y - 4);
  ctx.globalAlpha = 1;
}
