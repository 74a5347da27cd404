/** COCO compressed run-length masks (column by column, runs of 0 and 1 in turn, deltas in base 32, 6 bits a character).
 *
 * Format: the COCO API's maskApi.c, rleToString / rleFrString. Bitmaps here are row-major Uint8Array of 0 and 1.
 */

import type { MaskShape, Xyxy } from "./types";

/** The run lengths in a compressed string. Throws RangeError on a string that is cut or not in the alphabet. */
export function runsOf(counts: string): number[] {
  const runs: number[] = [];
  let at = 0;
  while (at < counts.length) {
    let value = 0;
    let shift = 0;
    let more = true;
    while (more) {
      const code = counts.charCodeAt(at) - 48;
      if (Number.isNaN(code) || code < 0 || code > 63)
        throw new RangeError(`not a COCO mask string at ${at}`);
      value += (code & 31) * 2 ** shift;
      more = (code & 32) !== 0;
      at += 1;
      shift += 5;
      if (!more && (code & 16) !== 0) value -= 2 ** shift;
    }
    const before = runs.length > 2 ? (runs[runs.length - 2] ?? 0) : 0;
    const run = value + before;
    if (run < 0) throw new RangeError(`negative run at ${at}`);
    runs.push(run);
  }
  return runs;
}

/** The compressed string of run lengths; the inverse of runsOf. */
export function stringOf(runs: readonly number[]): string {
  const out: string[] = [];
  runs.forEach((run, i) => {
    let value = i > 2 ? run - (runs[i - 2] ?? 0) : run;
    let more = true;
    while (more) {
      let code = value & 31;
      value >>= 5;
      more = (code & 16) !== 0 ? value !== -1 : value !== 0;
      if (more) code |= 32;
      out.push(String.fromCharCode(code + 48));
    }
  });
  return out.join("");
}

/** A row-major bitmap (height × width, 0 or 1) of a mask shape. Throws RangeError when the runs do not fill it. */
export function decode(shape: MaskShape): Uint8Array {
  const { height_px: h, width_px: w } = shape;
  const bitmap = new Uint8Array(h * w);
  let at = 0;
  let value = 0;
  for (const run of runsOf(shape.counts)) {
    if (at + run > h * w) throw new RangeError("mask runs past its size");
    if (value === 1) fillColumnRun(bitmap, at, run, h, w);
    at += run;
    value = 1 - value;
  }
  if (at !== h * w) throw new RangeError("mask runs do not fill its size");
  return bitmap;
}

function fillColumnRun(bitmap: Uint8Array, from: number, run: number, h: number, w: number): void {
  let x = Math.floor(from / h);
  let y = from - x * h;
  for (let k = 0; k < run; k++) {
    bitmap[y * w + x] = 1;
    y += 1;
    if (y === h) {
      y = 0;
      x += 1;
    }
  }
}

/** The mask shape of a row-major bitmap; anything but 0 counts as 1. */
export function encode(bitmap: Uint8Array, height_px: number, width_px: number): MaskShape {
  const runs: number[] = [];
  let value = 0;
  let run = 0;
  for (let x = 0; x < width_px; x++) {
    for (let y = 0, at = x; y < height_px; y++, at += width_px) {
      const pixel = bitmap[at] ? 1 : 0;
      if (pixel === value) run += 1;
      else {
        runs.push(run);
        run = 1;
        value = pixel;
      }
    }
  }
  runs.push(run);
  return { type: "mask", height_px, width_px, counts: stringOf(runs) };
}

/** Pixels set. */
export function maskArea(shape: MaskShape): number {
  return runsOf(shape.counts).reduce((sum, run, i) => (i % 2 === 1 ? sum + run : sum), 0);
}

/** The box around the pixels set, [0,0,0,0] for an empty mask. */
export function boundsOfRle(shape: MaskShape): Xyxy {
  const h = Math.max(1, shape.height_px);
  const box: Xyxy = [Infinity, Infinity, -Infinity, -Infinity];
  let at = 0;
  runsOf(shape.counts).forEach((run, i) => {
    if (i % 2 === 1 && run > 0) {
      const x0 = Math.floor(at / h);
      const x1 = Math.floor((at + run - 1) / h);
      box[0] = Math.min(box[0], x0);
      box[2] = Math.max(box[2], x1 + 1);
      box[1] = Math.min(box[1], x1 > x0 ? 0 : at % h);
      box[3] = Math.max(box[3], x1 > x0 ? h : (at % h) + run);
    }
    at += run;
  });
  return box[2] > box[0] ? box : [0, 0, 0, 0];
}
