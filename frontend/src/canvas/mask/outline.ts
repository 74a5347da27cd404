/** The edge between set and unset pixels as straight pieces, for stroking a mask like any other shape. */

export interface Piece {
  x0: number;
  y0: number;
  x1: number;
  y1: number;
}

/** Horizontal and vertical boundary pieces of a row-major bitmap, joined along rows and columns. */
export function pieces(bitmap: Uint8Array, height: number, width: number): Piece[] {
  const found: Piece[] = [];
  const at = (x: number, y: number) =>
    x >= 0 && y >= 0 && x < width && y < height ? (bitmap[y * width + x] ?? 0) : 0;
  for (let y = 0; y <= height; y++) {
    let from = -1;
    for (let x = 0; x <= width; x++) {
      const edge = x < width && at(x, y) !== at(x, y - 1);
      if (edge && from < 0) from = x;
      if (!edge && from >= 0) {
        found.push({ x0: from, y0: y, x1: x, y1: y });
        from = -1;
      }
    }
  }
  for (let x = 0; x <= width; x++) {
    let from = -1;
    for (let y = 0; y <= height; y++) {
      const edge = y < height && at(x, y) !== at(x - 1, y);
      if (edge && from < 0) from = y;
      if (!edge && from >= 0) {
        found.push({ x0: x, y0: from, x1: x, y1: y });
        from = -1;
      }
    }
  }
  return found;
}

/** A piece of the full bitmap: rows and columns of a window. */
export function cut(
  bitmap: Uint8Array,
  width: number,
  x0: number,
  y0: number,
  w: number,
  h: number,
): Uint8Array {
  const out = new Uint8Array(w * h);
  for (let y = 0; y < h; y++) {
    const from = (y0 + y) * width + x0;
    out.set(bitmap.subarray(from, from + w), y * w);
  }
  return out;
}
