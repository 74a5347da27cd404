/** One click, one point. */

import { clamp, rounded } from "../../core/geometry";
import type { Pen } from "../pen";
import type { Bench, Pointer, Tool } from "../tool";

export class PointTool implements Tool {
  readonly cursor = "crosshair";
  readonly words = "Click to set a point.";

  constructor(private readonly bench: Bench) {}

  down(at: Pointer): void {
    const { width, height } = this.bench.size();
    const x = rounded(clamp(at.image[0], 0, width));
    const y = rounded(clamp(at.image[1], 0, height));
    this.bench.draw({ type: "point", xy_px: [x, y] }, "draw point");
  }
  move(_at: Pointer): void {}
  up(_at: Pointer): void {}
  cancel(): boolean {
    return false;
  }
  draw(_pen: Pen): void {}
}
