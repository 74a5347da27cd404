import { describe, expect, it } from "vitest";
import { boundsOfRle, decode, encode, maskArea, runsOf, stringOf } from "../../src/core/rle";
import type { MaskShape } from "../../src/core/types";
import masks from "./coco_masks.json";

/** Made with pycocotools 2 (mask.encode on Fortran-order arrays). */
const KNOWN = masks.map((m) => ({ ...m, shape: { type: "mask", ...m } as unknown as MaskShape }));

describe("masks as pycocotools writes them", () => {
  it.each(KNOWN)("$name: the same pixels, and the same string back", ({ shape, rows, counts, area, box }) => {
    const bitmap = decode(shape);
    expect(bitmap.reduce((a, b) => a + b, 0)).toBe(area);
    if (rows) expect([...bitmap].join("")).toBe(rows.join(""));
    expect(encode(bitmap, shape.height_px, shape.width_px).counts).toBe(counts);
    expect(stringOf(runsOf(counts))).toBe(counts);
    expect(maskArea(shape)).toBe(area);
    expect(boundsOfRle(shape)).toEqual(box);
  });

  it("a cut or foreign string is refused", () => {
    const cut = { type: "mask", height_px: 4, width_px: 5, counts: "o" } as const;
    expect(() => decode(cut)).toThrow(RangeError);
    expect(() => decode({ ...cut, counts: "\u0001" })).toThrow(RangeError);
    expect(() => decode({ ...cut, counts: "1" })).toThrow(RangeError);
  });
});
