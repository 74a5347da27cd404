import { expect, test } from "vitest";
import { blocksOf, spansOf } from "../../src/ui/markdown";

test("headings, paragraphs and lists are told apart", () => {
  const kinds = blocksOf("# Rule\nOne line\nof text.\n\n- a\n- b\n\n1. c\n2) d").map((block) => block.kind);
  expect(kinds).toEqual(["heading", "paragraph", "list", "list"]);
});

test("a list goes on, a blank line ends it", () => {
  expect(blocksOf("- a\n- b")).toHaveLength(1);
  expect(blocksOf("- a\n\n- b")).toHaveLength(2);
});

test("bold, emphasis and code; lone asterisks stay", () => {
  expect(spansOf("a **b** *c* `d*e*`")).toEqual([
    { kind: "text", text: "a " },
    { kind: "strong", text: "b" },
    { kind: "text", text: " " },
    { kind: "em", text: "c" },
    { kind: "text", text: " " },
    { kind: "code", text: "d*e*" },
  ]);
  expect(spansOf("3 * 4 * 5")).toEqual([{ kind: "text", text: "3 * 4 * 5" }]);
});

test("markup stays text", () => {
  const text = "<script>alert(1)</script> [x](javascript:alert(1))";
  expect(blocksOf(text)).toEqual([{ kind: "paragraph", spans: [{ kind: "text", text }] }]);
});

test("nothing gives nothing", () => {
  expect(blocksOf("\n \n")).toEqual([]);
});
