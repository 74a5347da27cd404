/** All keys, and changing them: click a key, press the new one. */

import { useState } from "preact/hooks";
import { COMMANDS, chord, defaults, rebind, refusal, save } from "../../core/keymap";
import type { Desk } from "./desk";
import { Panel } from "./sheets";

const FIXED: [string, string][] = [
  ["1–9, 0", "Class of the selection, or for drawing"],
  ["Arrows", "Move 1 px; Shift 10 px; Ctrl resizes"],
  ["Wheel", "Zoom; middle button or Ctrl+drag moves the image"],
];

/** Keys that cannot be changed. */
function FixedKeys() {
  return (
    <>
      {FIXED.map(([keys, text]) => (
        <div class="key-row" key={keys}>
          <span>
            <kbd>{keys}</kbd>
          </span>
          <span>{text}</span>
        </div>
      ))}
    </>
  );
}

export function KeysSheet({ desk, close }: { desk: Desk; close(): void }) {
  const [asking, setAsking] = useState<string | null>(null);
  const [words, setWords] = useState("Click a key to change it.");
  const bindings = desk.bindings.value;
  const set = (next: typeof bindings) => {
    desk.bindings.value = next;
    save(localStorage, next);
  };
  const onKey = (event: KeyboardEvent) => {
    if (!asking) return;
    event.preventDefault();
    event.stopPropagation();
    const keys = chord(event);
    if (!keys) return;
    if (keys !== "Escape") {
      const no = refusal(keys);
      setWords(no ?? "Changed.");
      if (no) return;
      set(rebind(bindings, asking, keys));
    }
    setAsking(null);
  };
  return (
    <Panel title="Keys" close={close}>
      <p class="note quiet" aria-live="polite">
        {asking ? "Press the new key, Esc keeps the old one." : words}
      </p>
      <div class="keys scroll">
        {COMMANDS.map((command) => (
          <div class="key-row" key={command.id}>
            <button
              type="button"
              class="small"
              aria-label={`Change the key for: ${command.words}`}
              onClick={() => setAsking(command.id)}
              onKeyDown={onKey}
            >
              {asking === command.id ? "…" : (bindings[command.id] ?? []).map((k) => <kbd key={k}>{k}</kbd>)}
              {(bindings[command.id] ?? []).length === 0 && asking !== command.id ? "none" : ""}
            </button>
            <span>{command.words}</span>
          </div>
        ))}
        <FixedKeys />
      </div>
      <div class="buttons">
        <button type="button" onClick={() => set(defaults())}>
          All keys as they were
        </button>
        <button type="button" data-first onClick={close}>
          Close <kbd>Esc</kbd>
        </button>
      </div>
    </Panel>
  );
}
