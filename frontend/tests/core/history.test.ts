import { describe, expect, it } from "vitest";
import { applyChanges, difference, rebuild } from "../../src/core/history";
import type { Action, HistoryItem } from "../../src/core/types";
import { boxObject, editorWith, record } from "./objects";

describe("undo and redo", () => {
  it("walk back and forth over everything done", () => {
    const { editor } = editorWith(record([boxObject("a", 0.5)]));
    const start = editor.objects.value;
    editor.draw({ type: "box", xyxy_px: [1, 1, 5, 5] }, "draw box");
    const drawn = editor.selected.value;
    if (!drawn) throw new Error("nothing selected");
    editor.relabel(drawn, "other");
    const end = editor.objects.value;
    editor.undo();
    editor.undo();
    expect(editor.objects.value).toEqual(start);
    expect(editor.undo()).toBe(false);
    editor.redo();
    editor.redo();
    expect(editor.objects.value).toEqual(end);
    expect(editor.redo()).toBe(false);
  });

  it("come back from the stored actions after a reload", () => {
    const first = editorWith(record([boxObject("a", 0.5), boxObject("b", 0.7)]));
    const { editor, sent } = first;
    editor.accept(boxObject("a", 0.5));
    editor.remove(boxObject("b", 0.7));
    editor.undo();
    const history = sent.map(({ body }) => ({
      ...(body as unknown as Action),
      author: "ana",
    })) as HistoryItem[];
    const again = editorWith({
      ...record(editor.objects.value),
      history: JSON.parse(JSON.stringify(history)),
    });
    expect(again.editor.stacks.value.undo).toHaveLength(1);
    expect(again.editor.stacks.value.redo).toHaveLength(1);
    again.editor.redo();
    expect(again.editor.objects.value.map((o) => o.id)).toEqual(["a"]);
    again.editor.undo();
    again.editor.undo();
    expect(again.editor.objects.value).toEqual([boxObject("a", 0.5), boxObject("b", 0.7)]);
  });

  it("a new action after an undo ends the redo", () => {
    const { editor } = editorWith(record([boxObject("a", 0.5)]));
    editor.accept(boxObject("a", 0.5));
    editor.undo();
    editor.relabel(boxObject("a", 0.5), "other");
    expect(editor.redo()).toBe(false);
  });

  it("an undo of something unknown counts as an action of its own", () => {
    const change = { object_id: "x", before: null, after: boxObject("x") };
    const item = { id: "1", kind: "undo" as const, changes: [change], tags: null, author: "", at: "" };
    expect(rebuild([item]).undo).toHaveLength(1);
  });
});

describe("changes", () => {
  it("replace in place, append what is new, take out what is gone", () => {
    const [a, b, c] = [boxObject("a"), boxObject("b"), boxObject("c")];
    const moved = boxObject("a", null, [5, 5, 9, 9]);
    const after = applyChanges(
      [a, b],
      [
        { object_id: "c", before: null, after: c },
        { object_id: "a", before: a, after: moved },
        { object_id: "b", before: b, after: null },
      ],
    );
    expect(after).toEqual([moved, c]);
    expect(applyChanges([a, b], difference([a, b], after))).toEqual(after);
    expect(difference([a, b], [a, b])).toEqual([]);
  });
});
