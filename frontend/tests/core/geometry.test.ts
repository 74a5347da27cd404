import { describe, expect, it } from "vitest";
import { boxFrom, dragHandle, extremeBox, inPart, iou, moveWithin, ringArea } from "../../src/core/geometry";
import { GridIndex } from "../../src/core/grid";
import type { Xy } from "../../src/core/types";
import { boxObject } from "./objects";

const SIZE = { width: 100, height: 80 };

describe("boxes", () => {
  it("come from any two corners and stay in the image", () => {
    expect(boxFrom([50, 90], [-5, 10], SIZE)).toEqual([0, 10, 50, 80]);
  });
  it("a handle may cross over to the other side", () => {
    expect(dragHandle([10, 10, 20, 20], "w", [30, 0], SIZE)).toEqual([20, 10, 30, 20]);
    expect(dragHandle([10, 10, 20, 20], "se", [200, 200], SIZE)).toEqual([10, 10, 100, 80]);
  });
  it("four extreme points in any order", () => {
    const points: Xy[] = [
      [30, 50],
      [10, 30],
      [30, 10],
      [60, 33],
    ];
    expect(extremeBox(points, SIZE)).toEqual([10, 10, 60, 50]);
  });
  it("moving stops at the edge with its size kept", () => {
    expect(moveWithin([90, 70, 95, 75], 20, -100, SIZE)).toEqual([5, -70]);
  });
  it("overlap", () => {
    expect(iou([0, 0, 10, 10], [5, 0, 15, 10])).toBeCloseTo(1 / 3);
    expect(iou([0, 0, 0, 0], [0, 0, 0, 0])).toBe(0);
  });
});

it("a hole is not inside", () => {
  const square = (a: number, b: number): Xy[] => [
    [a, a],
    [b, a],
    [b, b],
    [a, b],
  ];
  const part = { outer: square(0, 10), holes: [square(4, 6)] };
  expect(inPart([2, 2], part)).toBe(true);
  expect(inPart([5, 5], part)).toBe(false);
  expect(ringArea(square(0, 10))).toBe(100);
});

it("the grid finds what a full search finds", () => {
  let seed = 1;
  const random = () => {
    seed = (seed * 16807) % 2147483647;
    return seed / 2147483647;
  };
  const objects = Array.from({ length: 400 }, (_, i) => {
    const [x, y] = [random() * 90, random() * 70];
    return boxObject(`o${i}`, null, [x, y, x + random() * 10, y + random() * 10]);
  });
  const grid = new GridIndex(objects, SIZE);
  for (let i = 0; i < 200; i++) {
    const [x, y, reach]: [number, number, number] = [random() * 120 - 10, random() * 100 - 10, random() * 6];
    const near = objects.filter((o) => {
      const [x0, y0, x1, y1] = o.shape.type === "box" ? o.shape.xyxy_px : [0, 0, 0, 0];
      return x >= x0 - reach && x <= x1 + reach && y >= y0 - reach && y <= y1 + reach;
    });
    const found = grid.near([x, y], reach).map((o) => o.id);
    expect(found.sort()).toEqual(near.map((o) => o.id).sort());
  }
});
