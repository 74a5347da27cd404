import { expect, test } from "vitest";
import type { GridItem } from "../../src/core/types";
import { fitting, itemId, moved, relabels, toggled, verdicts } from "../../src/pages/grid/selection";

function item(key: number, id: string): GridItem {
  const image = { key, name: `${key}.jpg`, width_px: 9, height_px: 9 };
  const shape = { type: "box" as const, xyxy_px: [0, 0, 1, 1] as [number, number, number, number] };
  const object = { id, class_name: "RBC", shape, score: 0.5, text: null, attributes: {} };
  return { image, version: 3, object, crop_url: "" };
}
const items = [item(1, "a"), item(1, "b"), item(2, "a")];
const all = new Set(items.map(itemId));

test("marked ones are deleted, the rest accepted", () => {
  const said = verdicts(items, new Set(["1/b"]), all).map((one) => [
    one.image_key,
    one.object_id,
    one.decision,
  ]);
  expect(said).toEqual([
    [1, "a", "accept"],
    [1, "b", "delete"],
    [2, "a", "accept"],
  ]);
});

test("what was not seen is not decided, marked or not", () => {
  const seen = new Set(["1/a"]);
  expect(verdicts(items, new Set(["2/a"]), seen)).toHaveLength(1);
  expect(relabels(items, new Set(["2/a"]), seen, "WBC")).toEqual([]);
  expect(verdicts(items.slice(0, 1), new Set(), all)).toHaveLength(1);
});

test("relabel touches the marked only", () => {
  const said = relabels(items, new Set(["2/a"]), all, "WBC");
  expect(said).toEqual([
    { image_key: 2, version: 3, object_id: "a", decision: "relabel", class_name: "WBC" },
  ]);
});

test("marking twice is not marking", () => {
  expect(toggled(toggled(new Set(), "1/a"), "1/a").size).toBe(0);
});

test("the focus stays inside", () => {
  expect(moved(0, "ArrowLeft", 3, 7)).toBe(0);
  expect(moved(1, "ArrowDown", 3, 7)).toBe(4);
  expect(moved(5, "ArrowDown", 3, 7)).toBe(5);
  expect(moved(6, "ArrowRight", 3, 7)).toBe(6);
  expect(moved(4, "Home", 3, 7)).toBe(0);
  expect(moved(0, "End", 3, 0)).toBe(0);
});

test("at least one tile fits", () => {
  expect(fitting(10, 10, 160, 190, 8)).toEqual({ columns: 1, rows: 1 });
  expect(fitting(328, 388, 160, 190, 8)).toEqual({ columns: 2, rows: 2 });
});
