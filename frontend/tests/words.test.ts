import { expect, test } from "vitest";
import { count, duration, percent } from "../src/ui/words";

test("durations are said as people say them", () => {
  expect([0, -3, 38.4, 60, 250, 3600, 4320, 7199].map(duration)).toEqual([
    "0 s",
    "0 s",
    "38 s",
    "1 min",
    "4 min",
    "1 h",
    "1 h 12 min",
    "2 h",
  ]);
});

test("one image, two images", () => {
  expect([count(1, "image"), count(2, "image"), count(1234, "box", "boxes")]).toEqual([
    "1 image",
    "2 images",
    "1,234 boxes",
  ]);
  expect(percent(0.616)).toBe("62 %");
});
