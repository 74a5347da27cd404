/** The stage: the image as large as it can be, its objects, and the hand that works on them. */

import { effect, type ReadonlySignal, type Signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Editor } from "../core/editor";
import type { Size } from "../core/geometry";
import { Hand } from "./hand";
import { drawMagnifier, drawPicture, drawResting, drawSelected, sheet } from "./layers";
import type { Picture } from "./pictures";
import type { Tool, ToolName } from "./tool";
import type { View } from "./view";

export interface StageModel {
  editor: Editor;
  picture: Signal<Picture | null>;
  view: Signal<View>;
  stageSize: Signal<Size>;
  toolName: Signal<ToolName>;
  tool(): Tool;
  hidden: Signal<boolean>;
  magnifier: Signal<boolean>;
  brightness: Signal<number>;
  contrast: Signal<number>;
  redrawn: Signal<number>;
  colorOf(className: string): string;
  fit(): void;
  activity(): void;
}

/** Runs `draw` at most once a frame. */
function framed(draw: () => void): { ask(): void; stop(): void } {
  let frame = 0;
  return {
    ask() {
      if (!frame)
        frame = requestAnimationFrame(() => {
          frame = 0;
          draw();
        });
    },
    stop: () => cancelAnimationFrame(frame),
  };
}

interface Sheets {
  picture: HTMLCanvasElement;
  resting: HTMLCanvasElement;
  active: HTMLCanvasElement;
}

function drawActive(canvas: HTMLCanvasElement, model: StageModel, hand: Hand): void {
  const size = model.stageSize.value;
  const ctx = sheet(canvas, size);
  if (!ctx) return;
  const view = model.view.value;
  const pen = { ctx, view };
  const selected = model.editor.selected.value;
  if (!model.hidden.value) {
    const preview = model.tool().preview?.() ?? null;
    if (selected) {
      const shape = preview?.id === selected.id ? preview.shape : selected.shape;
      drawSelected(pen, selected, shape, model.colorOf(selected.class_name));
    }
    model.tool().draw(pen);
  }
  const picture = model.picture.value;
  const at = hand.at;
  if (picture && at && model.magnifier.value) drawMagnifier(ctx, size, view, picture, at);
}

/** Runs `then` now and whenever one of the signals changes. */
function watch(then: () => void, signals: readonly ReadonlySignal<unknown>[]): () => void {
  return effect(() => {
    for (const signal of signals) void signal.value;
    then();
  });
}

/** With more objects than this, a moving view carries the drawn sheet along and redraws it when it rests. */
const MANY = 150;
const REST_MS = 90;

interface RestingSheet {
  ask(): void;
  moved(): void;
  stop(): void;
}

function restingSheet(canvas: HTMLCanvasElement, model: StageModel): RestingSheet {
  let drawn = model.view.peek();
  let timer = 0;
  const frame = framed(() => {
    const size = model.stageSize.peek();
    const ctx = sheet(canvas, size);
    drawn = model.view.peek();
    canvas.style.transform = "none";
    if (!ctx || model.hidden.peek() || !model.picture.peek()) return;
    const { editor, colorOf } = model;
    const shown = { objects: editor.visible.peek(), selectedId: editor.selectedId.peek(), colorOf };
    drawResting({ ctx, view: drawn }, size, shown);
  });
  return {
    ask: frame.ask,
    moved() {
      clearTimeout(timer);
      if (model.editor.visible.peek().length <= MANY) {
        frame.ask();
        return;
      }
      const view = model.view.peek();
      const k = view.scale / drawn.scale;
      canvas.style.transform = `matrix(${k}, 0, 0, ${k}, ${view.x - drawn.x * k}, ${view.y - drawn.y * k})`;
      timer = window.setTimeout(frame.ask, REST_MS);
    },
    stop() {
      clearTimeout(timer);
      frame.stop();
    },
  };
}

/** One effect per sheet: each is redrawn only when something it shows has changed. */
function wire(sheets: Sheets, model: StageModel, hand: Hand): () => void {
  const picture = framed(() => {
    const shown = model.picture.peek();
    if (shown) drawPicture(sheets.picture, model.stageSize.peek(), model.view.peek(), shown);
    else sheet(sheets.picture, model.stageSize.peek());
  });
  const resting = restingSheet(sheets.resting, model);
  const active = framed(() => drawActive(sheets.active, model, hand));
  hand.redraw = active.ask;
  const stops = [
    watch(picture.ask, [model.picture, model.view, model.stageSize]),
    watch(resting.moved, [model.view]),
    watch(resting.ask, [
      model.editor.visible,
      model.editor.selectedId,
      model.stageSize,
      model.hidden,
      model.picture,
    ]),
    watch(active.ask, [
      model.editor.selected,
      model.view,
      model.stageSize,
      model.hidden,
      model.magnifier,
      model.toolName,
      model.redrawn,
    ]),
    effect(() => {
      const plain = model.brightness.value === 1 && model.contrast.value === 1;
      const filter = `brightness(${model.brightness.value}) contrast(${model.contrast.value})`;
      sheets.picture.style.filter = plain ? "none" : filter;
    }),
  ];
  return () => {
    for (const stop of stops) stop();
    for (const part of [picture, resting, active]) part.stop();
  };
}

function stageWords(model: StageModel): string {
  const record = model.editor.record.value;
  if (!record) return "No image yet";
  const count = model.editor.visible.value.length;
  const selected = model.editor.selected.value;
  const words = `${record.image.name}, ${count} ${count === 1 ? "object" : "objects"}`;
  return selected ? `${words}, selected: ${selected.class_name}` : words;
}

export function Stage({ model }: { model: StageModel }) {
  const frame = useRef<HTMLDivElement>(null);
  const picture = useRef<HTMLCanvasElement>(null);
  const resting = useRef<HTMLCanvasElement>(null);
  const active = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    if (!frame.current || !picture.current || !resting.current || !active.current) return;
    const hand = new Hand(active.current, model);
    const sheets = { picture: picture.current, resting: resting.current, active: active.current };
    const observer = new ResizeObserver(([entry]) => {
      if (!entry) return;
      model.stageSize.value = { width: entry.contentRect.width, height: entry.contentRect.height };
      model.fit();
    });
    observer.observe(frame.current);
    const unwire = wire(sheets, model, hand);
    return () => {
      observer.disconnect();
      unwire();
      hand.stop();
    };
  }, [model]);
  return (
    <div class="stage" ref={frame}>
      <canvas ref={picture} class="stage-sheet" />
      <canvas ref={resting} class="stage-sheet" />
      {/* biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: the stage has keys of its own */}
      <canvas
        ref={active}
        class="stage-sheet stage-hand"
        data-testid="stage"
        data-version={model.editor.record.value?.version ?? 0}
        data-changes={model.editor.changed.value}
        data-image={model.editor.record.value?.image.key ?? ""}
        data-objects={model.editor.visible.value.length}
        data-tool={model.toolName.value}
        data-selected={model.editor.selectedId.value ?? ""}
        data-scale={model.view.value.scale}
        data-offset-x={model.view.value.x}
        data-offset-y={model.view.value.y}
        role="application"
        aria-label={stageWords(model)}
        tabIndex={0}
      />
    </div>
  );
}
