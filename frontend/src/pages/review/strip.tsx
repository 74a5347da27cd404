/** The foot of the page: film strip, threshold, picture controls, the two ways to go on. */

import { useEffect, useRef } from "preact/hooks";
import { API_ROOT } from "../../core/api";
import type { QueueItem } from "../../core/types";
import { run } from "./commands";
import type { Desk } from "./desk";

const MARKS: Record<QueueItem["state"], [string, string]> = {
  todo: ["", "to do"],
  open: ["◐", "begun"],
  submitted: ["✓", "submitted"],
  skipped: ["?", "skipped"],
  flagged: ["⚑", "flagged"],
};

function Frame({ desk, item }: { desk: Desk; item: QueueItem }) {
  const here = item.image.key === desk.key.value;
  const ref = useRef<HTMLButtonElement>(null);
  const [mark, words] = MARKS[item.state];
  useEffect(() => {
    if (here) ref.current?.scrollIntoView({ block: "nearest", inline: "center" });
  }, [here]);
  const who = item.leased_by ? `, open at ${item.leased_by}` : "";
  return (
    <button
      type="button"
      ref={ref}
      class="film"
      data-testid="film"
      data-state={item.state}
      aria-current={here ? "true" : undefined}
      title={`${item.image.name}: ${words}${who}${item.why ? `. ${item.why}` : ""}`}
      aria-label={`${item.image.name}, ${words}${who}`}
      onClick={() => desk.go(item.image.key)}
    >
      <img
        src={`${API_ROOT}/images/${item.image.key}/picture?max_side_px=128`}
        alt=""
        loading="lazy"
        decoding="async"
      />
      {mark && (
        <span class="film-mark" aria-hidden="true">
          {mark}
        </span>
      )}
      {item.leased_by && (
        <span class="film-lease" aria-hidden="true">
          •
        </span>
      )}
    </button>
  );
}

function Threshold({ desk }: { desk: Desk }) {
  const value = desk.editor.threshold.value;
  return (
    <label class="slider" title="Hide proposals below (, and . keys)">
      <span>threshold</span>
      <input
        type="range"
        min="0"
        max="1"
        step="0.05"
        data-testid="threshold"
        value={value ?? 0.5}
        class={value === null ? "unset" : ""}
        onInput={(event) => {
          desk.editor.threshold.value = Number(event.currentTarget.value);
        }}
      />
      <button
        type="button"
        class="small number"
        title="Back to the thresholds learned per class"
        onClick={() => {
          desk.editor.threshold.value = null;
        }}
      >
        {value === null ? "learned" : value.toFixed(2)}
      </button>
    </label>
  );
}

function Light({ desk, name }: { desk: Desk; name: "brightness" | "contrast" }) {
  const signal = desk[name];
  return (
    <label class="slider thin" title={`${name}; double click sets it back`}>
      <span>{name}</span>
      <input
        type="range"
        min="0.4"
        max="2.5"
        step="0.05"
        value={signal.value}
        onInput={(event) => {
          signal.value = Number(event.currentTarget.value);
        }}
        onDblClick={() => {
          signal.value = 1;
        }}
      />
    </label>
  );
}

export function Strip({ desk }: { desk: Desk }) {
  const { items } = desk.queue.value;
  const open = desk.editor.record.value?.status !== "submitted";
  return (
    <footer class="strip">
      <button
        type="button"
        class="turn"
        title="Previous image (A)"
        onClick={() => run(desk, "previous-image")}
      >
        ◀<kbd>A</kbd>
      </button>
      <nav class="films" aria-label="Images around this one">
        {items.map((item) => (
          <Frame key={item.image.key} desk={desk} item={item} />
        ))}
      </nav>
      <button type="button" class="turn" title="Next image (D)" onClick={() => run(desk, "next-image")}>
        <kbd>D</kbd>▶
      </button>
      <div class="controls">
        <Threshold desk={desk} />
        <div class="pair">
          <Light desk={desk} name="brightness" />
          <Light desk={desk} name="contrast" />
        </div>
      </div>
      <div class="go-on">
        <button
          type="button"
          class="primary"
          disabled={!desk.ready.value}
          data-testid="accept-image"
          onClick={() => run(desk, "accept-next")}
        >
          Accept image <kbd>Space</kbd>
        </button>
        <button
          type="button"
          disabled={!desk.ready.value}
          data-testid="submit"
          onClick={() => desk.submit(false)}
        >
          {open ? "Submit" : "Submit again"} <kbd>Enter</kbd>
        </button>
      </div>
      <button type="button" class="small" title="Show the keys" onClick={() => run(desk, "keys")}>
        <kbd>?</kbd> keys
      </button>
    </footer>
  );
}
