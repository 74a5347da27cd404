import { expect, it } from "vitest";
import { EffortTimer } from "../../src/core/effort";

it("active time goes to the next action; long pauses are left out", () => {
  const timer = new EffortTimer(0);
  timer.activity(4_000);
  expect(timer.finish("verify", 5_000)).toBe(5);
  timer.activity(60_000);
  expect(timer.finish("draw box", 62_000)).toBe(2);
  expect(timer.finish("verify", 63_000, 3)).toBe(1);
  expect(timer.report()).toEqual([
    { action: "verify", count: 4, seconds: 6 },
    { action: "draw box", count: 1, seconds: 2 },
  ]);
});
