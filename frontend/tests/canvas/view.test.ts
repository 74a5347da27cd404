import { expect, it } from "vitest";
import { around, fitView, toImage, toScreen, zoomAt } from "../../src/canvas/view";

const IMAGE = { width: 640, height: 480 };
const STAGE = { width: 1000, height: 700 };

it("the whole image fits, in the middle", () => {
  const view = fitView(IMAGE, STAGE, 10);
  const [x0, y0] = toScreen(view, [0, 0]);
  const [x1, y1] = toScreen(view, [640, 480]);
  expect(x0).toBeGreaterThanOrEqual(9.99);
  expect(y0).toBeGreaterThanOrEqual(9.99);
  expect(x0 + x1).toBeCloseTo(1000);
  expect(y0 + y1).toBeCloseTo(700);
});

it("zooming keeps the point under the pointer", () => {
  const view = fitView(IMAGE, STAGE);
  const before = toImage(view, [300, 200]);
  const after = toImage(zoomAt(view, [300, 200], 3, view.scale), [300, 200]);
  expect(after[0]).toBeCloseTo(before[0]);
  expect(after[1]).toBeCloseTo(before[1]);
});

it("zoom to an object puts it in the middle, even one of no size", () => {
  const view = around([100, 100, 100, 100], IMAGE, STAGE);
  expect(toScreen(view, [100, 100])).toEqual([500, 350]);
  expect(Number.isFinite(view.scale)).toBe(true);
});
