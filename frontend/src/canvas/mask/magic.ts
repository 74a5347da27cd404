/** Magic: clicks and boxes go to a segmenting model, its mask comes back. Further clicks better the same mask. */

import { boxFrom, shapeBounds } from "../../core/geometry";
import type { DeskObject, Xy, Xyxy } from "../../core/types";
import { handle, type Pen } from "../pen";
import { drawShape } from "../shapes";
import type { Bench, Cue, Pointer, Tool } from "../tool";

const DRAG_PX = 6;

export class MagicTool implements Tool {
  readonly cursor = "crosshair";
  readonly words = "Click adds, Shift+click removes, drag a box to get its mask. Esc begins a new object.";
  private cues: Cue[] = [];
  private box: Xyxy | null = null;
  private from: Pointer | null = null;
  private to: Xy | null = null;
  private made: string | null = null;
  private turn = 0;

  constructor(private readonly bench: Bench) {}

  down(at: Pointer): void {
    this.from = at;
    this.to = at.image;
  }
  move(at: Pointer): void {
    if (this.from) this.to = at.image;
    if (this.from) this.bench.redraw();
  }
  up(at: Pointer): void {
    const { from } = this;
    this.from = null;
    this.to = null;
    if (!from) return;
    const selected = this.bench.selected();
    if (this.made !== (selected?.id ?? null) || !this.made) {
      const aimed = selected && this.aims(selected, at.image) ? selected : null;
      this.begin(aimed);
      if (!aimed) this.bench.select(null);
    }
    const far = Math.hypot(at.screen[0] - from.screen[0], at.screen[1] - from.screen[1]);
    if (far >= DRAG_PX) {
      this.begin(null);
      this.bench.select(null);
      this.box = boxFrom(from.image, at.image, this.bench.size());
    } else {
      this.cues.push({ x: at.image[0], y: at.image[1], positive: !at.shift });
    }
    this.bench.redraw();
    void this.ask();
  }

  /** Only a click on the selected box or mask is about it; elsewhere a new object begins. */
  private aims(object: DeskObject, at: Xy): boolean {
    const [x0, y0, x1, y1] = shapeBounds(object.shape);
    const kind = object.shape.type;
    return (kind === "box" || kind === "mask") && at[0] >= x0 && at[0] <= x1 && at[1] >= y0 && at[1] <= y1;
  }

  /** Start over; a selected box becomes the cue, so that clicks turn it into a mask. */
  private begin(selected: DeskObject | null): void {
    this.cues = [];
    this.box = selected?.shape.type === "box" ? selected.shape.xyxy_px : null;
    this.made = selected?.id ?? null;
  }

  private async ask(): Promise<void> {
    const turn = ++this.turn;
    const shape = await this.bench.segment(this.cues, this.box);
    if (!shape || turn !== this.turn) return;
    const selected = this.bench.selected();
    const replaces = selected && selected.id === this.made && selected.shape.type !== "point";
    if (selected && replaces) this.bench.reshape(selected, shape);
    else this.bench.draw(shape, "draw mask");
    this.made = this.bench.selected()?.id ?? null;
    this.bench.redraw();
  }

  cancel(): boolean {
    const busy = this.cues.length > 0 || this.box !== null || this.from !== null;
    this.begin(null);
    this.from = null;
    this.turn += 1;
    if (busy) this.bench.select(null);
    return busy;
  }
  draw(pen: Pen): void {
    if (this.from && this.to) {
      const shape = { type: "box" as const, xyxy_px: boxFrom(this.from.image, this.to, this.bench.size()) };
      drawShape(pen, shape, { color: this.bench.color(), width: 2, dash: [6, 4], alpha: 1, fill: 0.08 });
    }
    for (const cue of this.cues) {
      handle(pen, [cue.x, cue.y], cue.positive);
    }
  }
}
