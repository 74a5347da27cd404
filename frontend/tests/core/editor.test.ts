import { describe, expect, it } from "vitest";
import type { Action } from "../../src/core/types";
import { leastCertainFirst } from "../../src/core/uncertainty";
import { boxObject, editorWith, record } from "./objects";

const low = boxObject("low", 0.3);
const high = boxObject("high", 0.9);
const mine = boxObject("mine");
const secret = boxObject("secret", 0.1);

describe("the threshold", () => {
  it("hides proposals, never a person's objects, and shows hidden ones when lowered", () => {
    const { editor } = editorWith(record([low, high, mine], [secret]));
    expect(editor.visible.value).toHaveLength(3);
    editor.threshold.value = 0.5;
    expect(editor.visible.value.map((o) => o.id)).toEqual(["high", "mine"]);
    editor.threshold.value = 0.05;
    expect(editor.visible.value.map((o) => o.id)).toEqual(["low", "high", "mine", "secret"]);
  });

  it("accept-all takes only what is on screen", () => {
    const { editor, sent } = editorWith(record([low, high, mine], [secret]));
    editor.threshold.value = 0.5;
    editor.acceptAll();
    expect(editor.objects.value).toEqual([{ ...high, score: null }, mine]);
    expect(sent.map(({ body }) => (body as unknown as Action).kind)).toEqual(["delete", "accept"]);
  });

  it("a hidden proposal that is accepted comes in as a new object", () => {
    const { editor, sent } = editorWith(record([high], [secret]));
    editor.threshold.value = 0;
    editor.accept(secret);
    const action = sent[0]?.body as unknown as Action;
    const [change] = action.changes;
    expect(change?.before).toBeNull();
    expect(change?.after).toEqual({ ...secret, score: null });
    editor.undo();
    expect(editor.objects.value).toEqual([high]);
  });

  it("a key moves it by 0.05 from the least certain proposal", () => {
    const { editor } = editorWith(record([low, high]));
    editor.moveThreshold(0.05);
    expect(editor.threshold.value).toBe(0.35);
  });
});

describe("actions", () => {
  it("name the object as it was and as it is", () => {
    const { editor, sent } = editorWith(record([low]));
    editor.reshape(low, { type: "box", xyxy_px: [1, 1, 4, 4] });
    const action = sent[0]?.body as unknown as Action;
    expect(action.kind).toBe("adjust");
    expect(action.changes[0]?.before).toEqual(low);
    expect(action.changes[0]?.after?.score).toBeNull();
  });

  it("that change nothing are not sent", () => {
    const { editor, sent } = editorWith(record([mine]));
    editor.relabel(mine, "cell");
    editor.accept(mine);
    editor.dropUnseen();
    expect(sent).toHaveLength(0);
  });

  it("deleting goes on to the next object", () => {
    const { editor } = editorWith(record([high, low]));
    editor.selectedId.value = "low";
    editor.remove(low);
    expect(editor.selectedId.value).toBe("high");
  });
});

it("least certain first, people's last", () => {
  expect(leastCertainFirst([mine, high, low]).map((o) => o.id)).toEqual(["low", "high", "mine"]);
});
