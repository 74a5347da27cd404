import { describe, expect, it } from "vitest";
import { stampDisc, stampStroke } from "../../src/canvas/mask/brush";
import { cut, pieces } from "../../src/canvas/mask/outline";
import { decode, maskArea } from "../../src/core/rle";
import { maskOrBox } from "../../src/pages/review/convert";
import { boxObject } from "../core/objects";

const SIZE = { width: 40, height: 30 };
const count = (bitmap: Uint8Array) => bitmap.reduce((a, b) => a + b, 0);

describe("the brush", () => {
  it("paints a disc of about the right area, and nothing outside the image", () => {
    const bitmap = new Uint8Array(SIZE.width * SIZE.height);
    stampDisc(bitmap, SIZE, [20, 15], 8, 1);
    expect(Math.abs(count(bitmap) - Math.PI * 64)).toBeLessThan(12);
    stampDisc(bitmap, SIZE, [-50, -50], 5, 1);
    stampDisc(bitmap, SIZE, [39.9, 29.9], 3, 1);
    expect(bitmap[SIZE.width * SIZE.height - 1]).toBe(1);
  });
  it("sets at least the pixel under it", () => {
    const bitmap = new Uint8Array(SIZE.width * SIZE.height);
    stampDisc(bitmap, SIZE, [3.1, 4.9], 0.2, 1);
    expect(count(bitmap)).toBe(1);
    expect(bitmap[4 * SIZE.width + 3]).toBe(1);
  });
  it("leaves no gaps in a fast stroke, and the eraser takes it all away", () => {
    const bitmap = new Uint8Array(SIZE.width * SIZE.height);
    stampStroke(
      bitmap,
      SIZE,
      [
        [2, 15],
        [38, 15],
      ],
      2,
      1,
    );
    for (let x = 2; x < 38; x++) expect(bitmap[15 * SIZE.width + x]).toBe(1);
    stampStroke(
      bitmap,
      SIZE,
      [
        [0, 15],
        [40, 15],
      ],
      5,
      0,
    );
    expect(count(bitmap)).toBe(0);
  });
});

it("the outline of a rectangle is its four sides", () => {
  const bitmap = new Uint8Array(25);
  for (const y of [1, 2, 3]) for (const x of [1, 2]) bitmap[y * 5 + x] = 1;
  const sides = pieces(bitmap, 5, 5);
  expect(sides).toHaveLength(4);
  expect(sides).toContainEqual({ x0: 1, y0: 1, x1: 3, y1: 1 });
  expect(pieces(cut(bitmap, 5, 1, 1, 2, 3), 3, 2)).toHaveLength(4);
});

describe("box, polygon and mask", () => {
  it("a box becomes its pixels and comes back as the same box", () => {
    const object = boxObject("a", null, [3, 4, 13, 10]);
    const mask = maskOrBox(object, SIZE);
    if (mask?.type !== "mask") throw new Error("no mask");
    expect(maskArea(mask)).toBe(60);
    expect(maskOrBox({ ...object, shape: mask }, SIZE)).toEqual(object.shape);
  });
  it("a polygon's hole is not filled", () => {
    const ring = (a: number, b: number): [number, number][] => [
      [a, a],
      [b, a],
      [b, b],
      [a, b],
    ];
    const shape = { type: "polygon" as const, parts: [{ outer: ring(2, 12), holes: [ring(5, 8)] }] };
    const mask = maskOrBox({ ...boxObject("p"), shape }, SIZE);
    if (mask?.type !== "mask") throw new Error("no mask");
    expect(maskArea(mask)).toBe(91);
    expect(decode(mask)[6 * SIZE.width + 6]).toBe(0);
  });
  it("a box without a pixel, and a point, stay what they are", () => {
    expect(maskOrBox(boxObject("a", null, [3.1, 3.1, 3.3, 3.3]), SIZE)).toBeNull();
    expect(maskOrBox({ ...boxObject("p"), shape: { type: "point", xy_px: [1, 1] } }, SIZE)).toBeNull();
  });
});
