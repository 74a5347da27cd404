import { describe, expect, it } from "vitest";
import { applyChanges } from "../../src/core/history";
import { settle } from "../../src/core/merge";
import { boxObject } from "./objects";

const base = boxObject("a", 0.5);
const mine = boxObject("a", null, [1, 1, 5, 5]);
const theirs = boxObject("a", null, [2, 2, 9, 9]);
const drawn = boxObject("n");
const made = [
  { changes: [{ object_id: "a", before: base, after: mine }], tags: null },
  { changes: [{ object_id: "n", before: null, after: drawn }], tags: null },
];

describe("after a conflict", () => {
  it("mine puts my words on top of theirs", () => {
    const changes = settle("mine", [theirs], made, () => "x");
    expect(changes[0]?.before).toEqual(theirs);
    expect(applyChanges([theirs], changes)).toEqual([mine, drawn]);
  });
  it("theirs changes nothing", () => {
    expect(settle("theirs", [theirs], made, () => "x")).toEqual([]);
  });
  it("both keeps each version", () => {
    const after = applyChanges(
      [theirs],
      settle("both", [theirs], made, () => "x"),
    );
    expect(after).toEqual([theirs, { ...mine, id: "x" }, drawn]);
  });
});
