/** Where the image lies on the stage: a scale and an offset, in CSS pixels. */

import { clamp, type Size } from "../core/geometry";
import type { Xy, Xyxy } from "../core/types";

export interface View {
  scale: number;
  x: number;
  y: number;
}

export const LARGEST_SCALE = 60;

export function fitView(image: Size, stage: Size, margin = 12): View {
  const scale = Math.min(
    (stage.width - 2 * margin) / Math.max(1, image.width),
    (stage.height - 2 * margin) / Math.max(1, image.height),
  );
  const safe = clamp(scale, 0.001, 8);
  return {
    scale: safe,
    x: (stage.width - image.width * safe) / 2,
    y: (stage.height - image.height * safe) / 2,
  };
}

/** The view that shows a box with some surroundings. */
export function around(box: Xyxy, image: Size, stage: Size): View {
  const width = Math.max(box[2] - box[0], 8);
  const height = Math.max(box[3] - box[1], 8);
  const scale = clamp(
    0.5 * Math.min(stage.width / width, stage.height / height),
    fitView(image, stage).scale,
    24,
  );
  return {
    scale,
    x: stage.width / 2 - ((box[0] + box[2]) / 2) * scale,
    y: stage.height / 2 - ((box[1] + box[3]) / 2) * scale,
  };
}

export function toScreen(view: View, point: Xy): Xy {
  return [point[0] * view.scale + view.x, point[1] * view.scale + view.y];
}

export function toImage(view: View, point: Xy): Xy {
  return [(point[0] - view.x) / view.scale, (point[1] - view.y) / view.scale];
}

/** Zoom by a factor, keeping the image point under `at` where it is. */
export function zoomAt(view: View, at: Xy, factor: number, smallest: number): View {
  const scale = clamp(view.scale * factor, smallest * 0.5, LARGEST_SCALE);
  const [x, y] = toImage(view, at);
  return { scale, x: at[0] - x * scale, y: at[1] - y * scale };
}

export function pan(view: View, dx: number, dy: number): View {
  return { ...view, x: view.x + dx, y: view.y + dy };
}
