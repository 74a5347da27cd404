/** The tools' bench over the editor: what is under a point, colors, drawing, segmenting. */

import type { Editor } from "../core/editor";
import { area, type Size, shapeBounds } from "../core/geometry";
import { GridIndex } from "../core/grid";
import type { DeskObject, Shape, Xy, Xyxy } from "../core/types";
import { hitShape } from "./shapes";
import type { Bench, Cue } from "./tool";

const REACH_PX = 4;

export interface BenchPort {
  editor: Editor;
  size(): Size;
  scale(): number;
  brushPx(): number;
  colorOf(className: string): string;
  pan(dx: number, dy: number): void;
  segment(cues: Cue[], box: Xyxy | null): Promise<Shape | null>;
  say(words: string): void;
  redraw(): void;
  /** Is there a class to draw with? Says so when not. */
  ready(): boolean;
}

export function makeBench(port: BenchPort): Bench {
  const { editor } = port;
  let index: { of: readonly DeskObject[]; grid: GridIndex } | null = null;
  const grid = () => {
    const objects = editor.visible.value;
    if (index?.of !== objects) index = { of: objects, grid: new GridIndex(objects, port.size()) };
    return index.grid;
  };
  return {
    size: port.size,
    scale: port.scale,
    brushPx: port.brushPx,
    pan: port.pan,
    segment: port.segment,
    say: port.say,
    redraw: port.redraw,
    selected: () => editor.selected.value,
    select: (id) => {
      editor.selectedId.value = id;
    },
    under(point: Xy): DeskObject[] {
      const reach = REACH_PX / port.scale();
      return grid()
        .near(point, reach * 2)
        .filter((object) => hitShape(object.shape, point, reach))
        .sort((a, b) => area(shapeBounds(a.shape)) - area(shapeBounds(b.shape)));
    },
    draw: (shape, effort) => {
      if (port.ready()) editor.draw(shape, effort);
    },
    reshape: (object, shape) => editor.reshape(object, shape),
    color: (className) => port.colorOf(className ?? editor.sticky.value),
  };
}
