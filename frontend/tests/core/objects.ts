/** Small objects and a desk without a server for the tests. */

import { Editor } from "../../src/core/editor";
import type { DeskObject, DeskRecord, Xyxy } from "../../src/core/types";

export function boxObject(
  id: string,
  score: number | null = null,
  xyxy_px: Xyxy = [0, 0, 10, 10],
): DeskObject {
  return { id, class_name: "cell", shape: { type: "box", xyxy_px }, score, text: null, attributes: {} };
}

export function record(objects: DeskObject[], hidden: DeskObject[] = []): DeskRecord {
  return {
    image: { key: 1, name: "a.png", width_px: 100, height_px: 80 },
    metadata: {},
    version: 0,
    status: "open",
    objects,
    hidden,
    tags: [],
    proposals_layer: "",
    proposed_by: "",
    why: "",
    flag: "",
    reason: "",
    history: [],
    refused: [],
    lease: null,
  };
}

export interface Sent {
  key: number;
  body: { id: string } & Record<string, unknown>;
}

export function editorWith(of: DeskRecord): { editor: Editor; sent: Sent[] } {
  const sent: Sent[] = [];
  let next = 0;
  const editor = new Editor({
    act: (key, body) => sent.push({ key, body }),
    effort: () => 1,
    uuid: () => `new${next++}`,
    now: () => "2026-01-01T00:00:00.000Z",
  });
  editor.sticky.value = "cell";
  editor.load(of);
  return { editor, sent };
}
