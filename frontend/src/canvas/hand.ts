/** Pointer, wheel and two fingers on the stage, turned into zoom, pan and the tool's own moves. */

import type { Xy } from "../core/types";
import type { StageModel } from "./stage";
import type { Pointer } from "./tool";
import { fitView, pan, toImage, zoomAt } from "./view";

const WHEEL_STEP = 1.0015;

export class Hand {
  /** Where the pointer is, in CSS pixels of the stage; null when it is elsewhere. */
  at: Xy | null = null;
  pressed = false;
  redraw: () => void = () => undefined;
  private panning = false;
  private readonly fingers = new Map<number, Xy>();
  private readonly stops: (() => void)[] = [];

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly model: StageModel,
  ) {
    this.on("pointerdown", (event) => this.down(event));
    this.on("pointermove", (event) => this.moved(event));
    this.on("pointerup", (event) => this.up(event));
    this.on("pointercancel", (event) => this.up(event, true));
    this.on("pointerleave", () => {
      this.at = null;
      this.redraw();
    });
    this.on("dblclick", (event) => this.model.tool().twice?.(this.pointer(event)));
    this.on("wheel", (event) => this.wheel(event), { passive: false });
    this.on("contextmenu", (event) => event.preventDefault());
    this.on("auxclick", (event) => event.preventDefault());
  }

  stop(): void {
    for (const stop of this.stops) stop();
  }

  private on<K extends keyof HTMLElementEventMap>(
    name: K,
    run: (event: HTMLElementEventMap[K]) => void,
    options?: AddEventListenerOptions,
  ): void {
    this.canvas.addEventListener(name, run, options);
    this.stops.push(() => this.canvas.removeEventListener(name, run, options));
  }

  private screen(event: MouseEvent): Xy {
    const rect = this.canvas.getBoundingClientRect();
    return [event.clientX - rect.left, event.clientY - rect.top];
  }

  private pointer(event: MouseEvent): Pointer {
    const screen = this.screen(event);
    const image = toImage(this.model.view.value, screen);
    return { image, screen, shift: event.shiftKey, ctrl: event.ctrlKey || event.metaKey };
  }

  private down(event: PointerEvent): void {
    this.canvas.focus({ preventScroll: true });
    this.model.activity();
    try {
      this.canvas.setPointerCapture(event.pointerId);
    } catch {
      // A pointer that is gone already cannot be captured.
    }
    const at = this.screen(event);
    this.at = at;
    if (event.pointerType === "touch") this.fingers.set(event.pointerId, at);
    if (this.fingers.size >= 2) {
      this.model.tool().cancel();
      this.pressed = false;
      return;
    }
    const middle = event.button === 1;
    if (middle || (event.button === 0 && (event.ctrlKey || event.metaKey))) {
      event.preventDefault();
      this.panning = true;
    } else if (event.button === 0 && this.model.picture.value) {
      this.pressed = true;
      this.model.tool().down(this.pointer(event));
    }
    this.redraw();
  }

  private moved(event: PointerEvent): void {
    this.model.activity();
    const before = this.at;
    const at = this.screen(event);
    if (this.fingers.size >= 2 && this.fingers.has(event.pointerId)) {
      this.pinch(event.pointerId, at);
      return;
    }
    this.at = at;
    if (this.panning && before) {
      this.model.view.value = pan(this.model.view.value, at[0] - before[0], at[1] - before[1]);
    } else {
      const steps = this.pressed && event.getCoalescedEvents ? event.getCoalescedEvents() : [];
      for (const step of steps.length > 0 ? steps : [event]) this.model.tool().move(this.pointer(step));
    }
    this.redraw();
  }

  private up(event: PointerEvent, cancelled = false): void {
    this.fingers.delete(event.pointerId);
    if (this.panning) this.panning = false;
    else if (this.pressed && cancelled) this.model.tool().cancel();
    else if (this.pressed) this.model.tool().up(this.pointer(event));
    this.pressed = false;
    this.redraw();
  }

  /** Two fingers: their middle pans, their distance zooms. */
  private pinch(id: number, to: Xy): void {
    const from = this.fingers.get(id);
    const other = [...this.fingers].find(([key]) => key !== id)?.[1];
    if (!from || !other) return;
    const before = Math.hypot(from[0] - other[0], from[1] - other[1]);
    const after = Math.hypot(to[0] - other[0], to[1] - other[1]);
    const middle: Xy = [(to[0] + other[0]) / 2, (to[1] + other[1]) / 2];
    const moved = pan(this.model.view.value, (to[0] - from[0]) / 2, (to[1] - from[1]) / 2);
    this.model.view.value = zoomAt(moved, middle, after / Math.max(1, before), this.smallest());
    this.fingers.set(id, to);
  }

  private smallest(): number {
    const picture = this.model.picture.value;
    return picture ? fitView(picture, this.model.stageSize.value).scale : 0.01;
  }

  private wheel(event: WheelEvent): void {
    event.preventDefault();
    this.model.activity();
    const lines = event.deltaMode === 1 ? 16 : 1;
    const strength = event.ctrlKey ? 4 : 1;
    const factor = WHEEL_STEP ** (-event.deltaY * lines * strength);
    this.model.view.value = zoomAt(this.model.view.value, this.screen(event), factor, this.smallest());
  }
}
