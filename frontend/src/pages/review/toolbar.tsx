/** The tools along the top edge of the image, each naming its key. */

import type { ToolName } from "../../canvas/tool";
import { run } from "./commands";
import type { Desk } from "./desk";

/** One line drawing per tool on a 16 × 16 grid. */
const TOOLS: { name: ToolName; command: string; words: string; path: string }[] = [
  { name: "select", command: "cancel", words: "Select", path: "M4 2l8 6-4 .8L6 13z" },
  { name: "box", command: "box", words: "Box", path: "M3 4h10v8H3z" },
  {
    name: "extreme",
    command: "extreme",
    words: "Extreme clicks",
    path: "M8 2v2M8 12v2M2 8h2M12 8h2M5 5h6v6H5z",
  },
  { name: "polygon", command: "polygon", words: "Polygon", path: "M8 2l6 5-2 7H4L2 7z" },
  { name: "brush", command: "brush", words: "Brush", path: "M13 2L7 9M7 9c-3 0-2 4-5 4 4 2 7 0 5-4z" },
  { name: "eraser", command: "eraser", words: "Eraser", path: "M9 3l4 4-6 6H4l-2-2zM6 6l4 4" },
  {
    name: "magic",
    command: "magic",
    words: "Magic",
    path: "M3 13L10 6M11 2v3M9.500 3.500h3M13 8v2M12 9h2M5 2v2M4 3h2",
  },
  {
    name: "point",
    command: "point",
    words: "Points",
    path: "M8 5a3 3 0 100 6 3 3 0 000-6zM8 1v3M8 12v3M1 8h3M12 8h3",
  },
];

export function Toolbar({ desk }: { desk: Desk }) {
  const tool = desk.toolName.value;
  return (
    <div class="toolbar" role="toolbar" aria-label="Tools">
      {TOOLS.map((entry) => {
        const keys = entry.name === "select" ? "Esc" : (desk.bindings.value[entry.command]?.[0] ?? "");
        return (
          <button
            type="button"
            key={entry.name}
            aria-pressed={tool === entry.name}
            aria-label={`${entry.words}, key ${keys}`}
            title={`${entry.words} (${keys})`}
            data-testid={`tool-${entry.name}`}
            onClick={() => (entry.name === "select" ? desk.take(tool) : run(desk, entry.command))}
          >
            <svg width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">
              <path d={entry.path} />
            </svg>
          </button>
        );
      })}
      <span class="bar" />
      <button
        type="button"
        title="Undo (Ctrl+Z)"
        aria-label="Undo"
        disabled={desk.editor.stacks.value.undo.length === 0}
        onClick={() => run(desk, "undo")}
      >
        ↶
      </button>
      <button
        type="button"
        title="Redo (Ctrl+Shift+Z)"
        aria-label="Redo"
        disabled={desk.editor.stacks.value.redo.length === 0}
        onClick={() => run(desk, "redo")}
      >
        ↷
      </button>
      <button
        type="button"
        title="Magnifier (L)"
        aria-label="Magnifier"
        aria-pressed={desk.magnifier.value}
        onClick={() => run(desk, "magnifier")}
      >
        ⌕
      </button>
    </div>
  );
}
