/** From a key press to what it does on the desk. */

import { moveShape } from "../../canvas/shapes";
import type { ToolName } from "../../canvas/tool";
import { around } from "../../canvas/view";
import { dragHandle, roundedBox, shapeBounds } from "../../core/geometry";
import { chord, commandOf } from "../../core/keymap";
import { project } from "../../core/state";
import type { DeskObject } from "../../core/types";
import { maskOrBox } from "./convert";
import type { Desk } from "./desk";
import { conflicts } from "./saving";

const TOOLS: Record<string, ToolName> = {
  box: "box",
  extreme: "extreme",
  polygon: "polygon",
  point: "point",
  brush: "brush",
  eraser: "eraser",
  magic: "magic",
};

function togglePanel(desk: Desk, side: "left" | "right"): void {
  const open = side === "left" ? desk.leftOpen : desk.rightOpen;
  open.value = !open.value;
  localStorage.setItem(`firstpass.${side}`, open.value ? "open" : "closed");
}

function bracket(desk: Desk, by: 1 | -1): void {
  const painting = desk.toolName.value === "brush" || desk.toolName.value === "eraser";
  if (!painting) {
    togglePanel(desk, by < 0 ? "left" : "right");
    return;
  }
  const next = by > 0 ? Math.ceil(desk.brushPx.value * 1.25) : Math.floor(desk.brushPx.value / 1.25);
  desk.brushPx.value = Math.min(400, Math.max(1, next));
  desk.say(`Brush ${desk.brushPx.value} px`);
  desk.redrawn.value += 1;
}

function cancel(desk: Desk): void {
  if (desk.sheet.value) desk.sheet.value = null;
  else if (desk.tool().cancel()) desk.redrawn.value += 1;
  else if (desk.toolName.value !== "select") desk.take("select");
  else desk.editor.selectedId.value = null;
}

function walk(desk: Desk, by: 1 | -1): void {
  const next = desk.editor.neighbor(desk.editor.selectedId.value, by);
  if (next) desk.editor.selectedId.value = next.id;
}

let zoomed = false;

function zoom(desk: Desk): void {
  const selected = desk.editor.selected.value;
  if (selected && !zoomed) {
    desk.view.value = around(shapeBounds(selected.shape), desk.imageSize(), desk.stageSize.value);
  } else desk.fit();
  zoomed = selected !== null && !zoomed;
}

function acceptObject(desk: Desk, object: DeskObject): void {
  const next = desk.editor.neighbor(object.id, 1);
  desk.editor.accept(object);
  if (next && next.id !== object.id && next.score !== null) desk.editor.selectedId.value = next.id;
}

/** Runs a command by name; the buttons of the page use it too. */
export function run(desk: Desk, command: string): void {
  const { editor } = desk;
  const selected = editor.selected.value;
  const tool = TOOLS[command];
  if (tool) {
    desk.take(tool);
    return;
  }
  const doing: Record<string, () => void> = {
    "accept-next": () => desk.submit(true),
    "submit-next": () => {
      if (!desk.tool().finish?.()) desk.submit(false);
    },
    "next-image": () => desk.step(1),
    "previous-image": () => desk.step(-1),
    "next-object": () => walk(desk, 1),
    "previous-object": () => walk(desk, -1),
    "accept-object": () => selected && acceptObject(desk, selected),
    delete: () => selected && editor.remove(selected),
    palette: () => {
      desk.sheet.value = "palette";
    },
    smaller: () => bracket(desk, -1),
    larger: () => bracket(desk, 1),
    "mask-box": () => {
      const shape = selected ? maskOrBox(selected, desk.imageSize()) : null;
      if (selected && shape) editor.reshape(selected, shape);
    },
    hide: () => {
      desk.hidden.value = true;
    },
    zoom: () => zoom(desk),
    magnifier: () => {
      desk.magnifier.value = !desk.magnifier.value;
    },
    lower: () => editor.moveThreshold(-0.05),
    raise: () => editor.moveThreshold(0.05),
    undo: () => !desk.tool().cancel() && !editor.undo() && desk.say("Nothing to undo."),
    redo: () => !editor.redo() && desk.say("Nothing to redo."),
    flag: () => {
      desk.sheet.value = "flag";
    },
    skip: () => {
      desk.sheet.value = "skip";
    },
    guide: () => {
      desk.sheet.value = desk.sheet.value === "guide" ? null : "guide";
    },
    keys: () => {
      desk.sheet.value = "keys";
    },
    cancel: () => cancel(desk),
  };
  doing[command]?.();
}

/** Class of the selection, or the sticky class for drawing. */
export function chooseClass(desk: Desk, name: string): void {
  desk.editor.sticky.value = name;
  const selected = desk.editor.selected.value;
  if (selected) desk.editor.relabel(selected, name);
  else desk.say(`Drawing ${name}.`);
}

function digit(desk: Desk, key: string): boolean {
  if (!/^[0-9]$/.test(key)) return false;
  const at = key === "0" ? 9 : Number(key) - 1;
  const found = project.value?.classes[at];
  if (found) chooseClass(desk, found.name);
  return true;
}

/** Arrows move the selection, with Ctrl its lower right corner; Shift ten pixels. */
function arrow(desk: Desk, event: KeyboardEvent): boolean {
  const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (!way) return false;
  const selected = desk.editor.selected.value;
  if (!selected) return true;
  const step = event.shiftKey ? 10 : 1;
  const [dx, dy] = [(way[0] ?? 0) * step, (way[1] ?? 0) * step];
  const size = desk.imageSize();
  if (!event.ctrlKey && !event.metaKey) {
    desk.editor.reshape(selected, moveShape(selected.shape, dx, dy, size));
  } else if (selected.shape.type === "box") {
    const [x0, y0, x1, y1] = selected.shape.xyxy_px;
    const to: [number, number] = [Math.max(x0 + 1, x1 + dx), Math.max(y0 + 1, y1 + dy)];
    const xyxy_px = roundedBox(dragHandle(selected.shape.xyxy_px, "se", to, size));
    desk.editor.reshape(selected, { type: "box", xyxy_px });
  }
  return true;
}

function typing(event: KeyboardEvent): boolean {
  const target = event.target;
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement && target.type === "range") return event.key.startsWith("Arrow");
  return target.matches("input, textarea, select, [contenteditable]");
}

/** Enter and Space on a focused button belong to the button, unless it is on the stage side of the page. */
function pressesButton(event: KeyboardEvent): boolean {
  const target = event.target;
  const press = event.key === "Enter" || event.key === " ";
  return press && target instanceof HTMLElement && target.matches("button, a, summary, [role=option]");
}

/** Listens on the window while the review page is shown; returns how to stop. */
export function listen(desk: Desk): () => void {
  const down = (event: KeyboardEvent) => {
    if (event.defaultPrevented || typing(event) || pressesButton(event) || conflicts.value.length > 0) return;
    if (desk.sheet.value && desk.sheet.value !== "guide" && event.key !== "Escape") return;
    desk.activity();
    const keys = chord(event);
    if (arrow(desk, event) || digit(desk, keys)) event.preventDefault();
    const command = keys ? commandOf(desk.bindings.value, keys) : null;
    if (!command || (event.repeat && command !== "undo" && command !== "redo")) {
      if (command) event.preventDefault();
      return;
    }
    event.preventDefault();
    run(desk, command);
  };
  const up = (event: KeyboardEvent) => {
    if (commandOf(desk.bindings.value, chord(event)) === "hide") desk.hidden.value = false;
  };
  const blur = () => {
    desk.hidden.value = false;
  };
  window.addEventListener("keydown", down);
  window.addEventListener("keyup", up);
  window.addEventListener("blur", blur);
  return () => {
    window.removeEventListener("keydown", down);
    window.removeEventListener("keyup", up);
    window.removeEventListener("blur", blur);
  };
}
