/** What a tool is, and what it may do. */

import type { EffortAction } from "../core/effort";
import type { Size } from "../core/geometry";
import type { DeskObject, Shape, Xy, Xyxy } from "../core/types";
import type { Pen } from "./pen";

export interface Pointer {
  image: Xy;
  screen: Xy;
  shift: boolean;
  ctrl: boolean;
}

/** A click asked of the segmenter. */
export interface Cue {
  x: number;
  y: number;
  positive: boolean;
}

/** The work bench that tools see: never the DOM, never the network. */
export interface Bench {
  size(): Size;
  scale(): number;
  selected(): DeskObject | null;
  /** Objects under a point, the smallest first. */
  under(point: Xy): DeskObject[];
  select(id: string | null): void;
  draw(shape: Shape, effort: EffortAction): void;
  reshape(object: DeskObject, shape: Shape): void;
  color(className?: string): string;
  brushPx(): number;
  pan(dx: number, dy: number): void;
  segment(cues: Cue[], box: Xyxy | null): Promise<Shape | null>;
  say(words: string): void;
  redraw(): void;
}

export interface Tool {
  readonly cursor: string;
  readonly words: string;
  down(at: Pointer): void;
  move(at: Pointer): void;
  up(at: Pointer): void;
  /** Double click. */
  twice?(at: Pointer): void;
  /** Enter while the tool has something unfinished; true = taken. */
  finish?(): boolean;
  /** Escape; true = something was thrown away. */
  cancel(): boolean;
  /** What is being made, above everything. */
  draw(pen: Pen): void;
  /** The shape shown in place of the selected object's while it is being changed. */
  preview?(): { id: string; shape: Shape } | null;
}

export type ToolName = "select" | "box" | "extreme" | "polygon" | "point" | "brush" | "eraser" | "magic";
