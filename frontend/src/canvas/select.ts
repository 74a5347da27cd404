/** The resting tool: click selects (again: the next one below), drag moves, handles reshape, empty ground pans. */

import type { DeskObject, Shape, Xy } from "../core/types";
import type { Pen } from "./pen";
import { dragShape, handlesOf, moveShape } from "./shapes";
import type { Bench, Pointer, Tool } from "./tool";

const GRAB_PX = 9;
const STILL_PX = 3;

interface Drag {
  object: DeskObject | null;
  handle: number;
  from: Pointer;
  last: Xy;
  moved: boolean;
  again: boolean;
}

export class SelectTool implements Tool {
  readonly cursor = "default";
  readonly words = "Click an object; drag to move it.";
  private drag: Drag | null = null;
  private shape: Shape | null = null;

  constructor(private readonly bench: Bench) {}

  down(at: Pointer): void {
    const selected = this.bench.selected();
    const handle = selected ? this.handleAt(selected, at) : -1;
    if (selected && handle >= 0) {
      this.drag = { object: selected, handle, from: at, last: at.screen, moved: false, again: false };
      return;
    }
    const under = this.bench.under(at.image);
    const again = selected !== null && under.some((object) => object.id === selected.id);
    const object = again ? selected : (under[0] ?? null);
    this.bench.select(object?.id ?? null);
    this.drag = { object, handle: -1, from: at, last: at.screen, moved: false, again };
  }

  move(at: Pointer): void {
    const drag = this.drag;
    if (!drag) return;
    const far = Math.hypot(at.screen[0] - drag.from.screen[0], at.screen[1] - drag.from.screen[1]);
    if (!drag.moved && far < STILL_PX) return;
    drag.moved = true;
    if (!drag.object) this.bench.pan(at.screen[0] - drag.last[0], at.screen[1] - drag.last[1]);
    else this.shape = this.changed(drag.object, drag, at);
    drag.last = at.screen;
    this.bench.redraw();
  }

  private changed(object: DeskObject, drag: Drag, at: Pointer): Shape {
    if (drag.handle >= 0) return dragShape(object.shape, drag.handle, at.image, this.bench.size());
    const dx = at.image[0] - drag.from.image[0];
    const dy = at.image[1] - drag.from.image[1];
    return moveShape(object.shape, dx, dy, this.bench.size());
  }

  up(at: Pointer): void {
    const { drag, shape } = this;
    this.drag = null;
    this.shape = null;
    if (drag?.object && drag.moved && shape) this.bench.reshape(drag.object, shape);
    else if (drag?.object && drag.again && !drag.moved && drag.handle < 0) this.below(drag.object, at);
    this.bench.redraw();
  }

  /** A second click at the same place takes the next object below. */
  private below(object: DeskObject, at: Pointer): void {
    const under = this.bench.under(at.image);
    const i = under.findIndex((other) => other.id === object.id);
    const next = under[(i + 1) % under.length];
    if (next) this.bench.select(next.id);
  }

  private handleAt(object: DeskObject, at: Pointer): number {
    const scale = this.bench.scale();
    let best = -1;
    let nearest = GRAB_PX;
    handlesOf(object.shape).forEach((point, i) => {
      const distance = Math.hypot(point[0] - at.image[0], point[1] - at.image[1]) * scale;
      if (distance < nearest) {
        nearest = distance;
        best = i;
      }
    });
    return best;
  }

  preview(): { id: string; shape: Shape } | null {
    return this.drag?.object && this.shape ? { id: this.drag.object.id, shape: this.shape } : null;
  }

  cancel(): boolean {
    const busy = this.drag?.moved ?? false;
    this.drag = null;
    this.shape = null;
    return busy;
  }

  draw(_pen: Pen): void {}
}
