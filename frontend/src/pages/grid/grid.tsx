/** Many pieces of one class at a time, least certain first: mark the wrong ones, accept the rest of the screen. */

import { useEffect, useRef, useState } from "preact/hooks";
import { chord } from "../../core/keymap";
import { project, route } from "../../core/state";
import type { DeskClass, GridItem } from "../../core/types";
import { Dialog } from "../../ui/dialog";
import { Icon } from "../../ui/icons";
import { Notice } from "../../ui/notice";
import { count } from "../../ui/words";
import { fitting, itemId, moved, relabels, toggled, verdicts } from "./selection";
import * as state from "./state";
import "./grid.css";

const TILE_W_PX = 152;
const TILE_H_PX = 176;
const GAP_PX = 8;
const MOST = 500;
const DIGITS = "1234567890";

function digitOf(index: number): string {
  return DIGITS[index] ?? "";
}

function goTo(name: string): void {
  location.hash = `#/grid/${encodeURIComponent(name)}`;
}

function ClassPicker({ classes, current }: { classes: DeskClass[]; current: string }) {
  return (
    <nav class="classes" aria-label="Class to check">
      {classes.map((one, i) => (
        <button
          type="button"
          key={one.name}
          aria-current={one.name === current ? "true" : undefined}
          onClick={() => goTo(one.name)}
        >
          <span class="swatch" style={{ background: one.color }} />
          {one.name}
          {digitOf(i) && <kbd>{digitOf(i)}</kbd>}
        </button>
      ))}
    </nav>
  );
}

/** Which of the things in the piece is meant: the box over the crop, dark under light. Nothing for other shapes. */
function Outline({ item }: { item: GridItem }) {
  const query = new URLSearchParams(item.crop_url.split("?")[1] ?? "");
  const [left = 0, top = 0, right = 0, bottom = 0] = ["x1", "y1", "x2", "y2"].map((edge) =>
    Number(query.get(edge)),
  );
  const { shape } = item.object;
  if (shape.type !== "box" || !(right > left && bottom > top)) return null;
  const [x1, y1, x2, y2] = shape.xyxy_px;
  return (
    <svg class="outline" viewBox={`${left} ${top} ${right - left} ${bottom - top}`} aria-hidden="true">
      <rect class="under-line" x={x1} y={y1} width={x2 - x1} height={y2 - y1} />
      <rect class="over-line" x={x1} y={y1} width={x2 - x1} height={y2 - y1} />
    </svg>
  );
}

function Tile({ item, index }: { item: GridItem; index: number }) {
  const id = itemId(item);
  const wrong = state.marks.value.has(id);
  const { score } = item.object;
  const figure = score === null ? "no score" : score.toFixed(2);
  const [broken, setBroken] = useState(false);
  return (
    <button
      type="button"
      class="tile"
      data-testid="tile"
      data-index={index}
      aria-pressed={wrong}
      aria-label={`${item.object.class_name}, ${figure}, ${item.image.name}${wrong ? ", marked wrong" : ""}`}
      title={item.image.name}
      tabIndex={state.focus.value === index ? 0 : -1}
      onFocus={() => {
        state.focus.value = index;
      }}
      onClick={() => {
        state.marks.value = toggled(state.marks.value, id);
      }}
    >
      <span class="crop">
        {broken ? (
          <span class="soft">no picture: stays undecided</span>
        ) : (
          <>
            <img
              src={item.crop_url}
              alt=""
              draggable={false}
              onLoad={() => {
                state.seen.value = new Set(state.seen.value).add(id);
              }}
              onError={() => setBroken(true)}
            />
            <Outline item={item} />
          </>
        )}
      </span>
      <span class="under">
        <span class="score">{figure}</span>
        {wrong && (
          <span class="wrong">
            <Icon name="x" /> wrong
          </span>
        )}
      </span>
    </button>
  );
}

/** How many tiles the room holds, kept as the window changes. */
function useFit() {
  const ref = useRef<HTMLDivElement>(null);
  const [fit, setFit] = useState<{ columns: number; rows: number } | null>(null);
  useEffect(() => {
    const room = ref.current;
    if (!room) return;
    const watch = new ResizeObserver(() => {
      const now = fitting(room.clientWidth, room.clientHeight, TILE_W_PX, TILE_H_PX, GAP_PX);
      setFit((was) => (was?.columns === now.columns && was.rows === now.rows ? was : now));
    });
    watch.observe(room);
    return () => watch.disconnect();
  }, []);
  return { ref, fit };
}

function Pieces({ shown }: { shown: readonly GridItem[] }) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset does not lay out as a grid
    <div class="tiles" role="group" aria-label="Pieces, least certain first">
      {shown.map((item, i) => (
        <Tile key={itemId(item)} item={item} index={i} />
      ))}
    </div>
  );
}

function Nothing({ name, retry }: { name: string; retry(): void }) {
  if (state.error.value)
    return (
      <Notice error title="The grid cannot be shown" detail={state.error.value}>
        <button type="button" onClick={retry}>
          Try again
        </button>
      </Notice>
    );
  return (
    <Notice
      title={`Nothing left to check in ${name}`}
      detail="The grid shows guesses of the first pass on images that are not submitted yet. All of this class are decided, or there was no first pass."
    >
      <a class="button" href="#/home">
        Go home
      </a>
    </Notice>
  );
}

export function GridPage() {
  const classes = project.value?.classes ?? [];
  const name = route.value.argument || classes[0]?.name || "";
  const { ref, fit } = useFit();
  const [relabeling, setRelabeling] = useState(false);
  const limit = fit ? Math.min(MOST, fit.columns * fit.rows) : 0;
  const shown = (state.items.value ?? []).slice(0, limit);
  const ready = shown.filter((item) => state.seen.value.has(itemId(item)));
  const marked = ready.filter((item) => state.marks.value.has(itemId(item)));

  useEffect(() => {
    state.clear();
  }, [name]);
  useEffect(() => {
    if (name && limit) void state.show(name, limit, null);
  }, [name, limit]);
  useEffect(() => {
    if (shown.length && (document.activeElement === document.body || !document.activeElement))
      tileAt(0)?.focus();
  }, [state.items.value]);

  function tileAt(index: number): HTMLElement | null {
    return ref.current?.querySelector<HTMLElement>(`[data-index="${index}"]`) ?? null;
  }
  function accept(): void {
    const all = verdicts(shown, state.marks.value, state.seen.value);
    const gone = all.filter((one) => one.decision === "delete").length;
    const words = `${count(all.length - gone, "piece")} accepted${gone ? `, ${gone.toLocaleString("en")} deleted` : ""}`;
    void state.decide(all, words, name, limit);
  }
  function relabel(to: string): void {
    setRelabeling(false);
    const all = relabels(shown, state.marks.value, state.seen.value, to);
    void state.decide(all, `${count(all.length, "piece")} changed to ${to}`, name, limit);
  }
  function press(event: KeyboardEvent): void {
    const at = event.target instanceof HTMLElement ? event.target : document.body;
    if (relabeling || at.closest("dialog, input, textarea, select")) return;
    const onTile = at === document.body || at.closest(".tile") !== null;
    const keys = chord(event);
    const picked = classes[DIGITS.indexOf(keys)];
    const to = moved(state.focus.value, keys, fit?.columns ?? 1, shown.length);
    const here = shown[state.focus.value];
    if (keys === "Ctrl+Z") void state.undo(name, limit);
    else if (keys === "Enter" && onTile && !event.repeat) accept();
    else if ((keys === "X" || keys === "Delete") && here)
      state.marks.value = toggled(state.marks.value, itemId(here));
    else if (keys === "C" && marked.length) setRelabeling(true);
    else if (keys.length === 1 && DIGITS.includes(keys) && picked) goTo(picked.name);
    else if (/^(Arrow|Home|End)/.test(keys) && onTile) tileAt(to)?.focus();
    else return;
    event.preventDefault();
  }
  const latest = useRef(press);
  latest.current = press;
  useEffect(() => {
    const follow = (event: KeyboardEvent) => latest.current(event);
    window.addEventListener("keydown", follow);
    return () => window.removeEventListener("keydown", follow);
  }, []);

  if (!classes.length)
    return (
      <Notice
        title="No classes yet"
        detail="The grid checks one class at a time. Add classes to firstpass.toml, then open the desk again."
      />
    );
  return (
    <div class="grid-page" data-testid="grid">
      <ClassPicker classes={classes} current={name} />
      <div class="room" ref={ref} aria-busy={state.items.value === null && !state.error.value}>
        {state.items.value !== null && shown.length > 0 && <Pieces shown={shown} />}
        {(state.error.value || state.items.value?.length === 0) && (
          <Nothing name={name} retry={() => void state.again(name, limit)} />
        )}
      </div>
      <footer>
        <button type="button" class="primary" disabled={!ready.length || state.busy.value} onClick={accept}>
          <Icon name="check" />
          {marked.length
            ? `Delete ${marked.length}, accept ${ready.length - marked.length}`
            : `Accept these ${ready.length}`}
          <kbd>Enter</kbd>
        </button>
        <button type="button" disabled={!marked.length} onClick={() => setRelabeling(true)}>
          Other class <kbd>C</kbd>
        </button>
        <button
          type="button"
          disabled={!state.undoable.value.length || state.busy.value}
          onClick={() => void state.undo(name, limit)}
        >
          <Icon name="undo" /> Undo <kbd>Ctrl+Z</kbd>
        </button>
        <button
          type="button"
          disabled={!state.next.value}
          onClick={() => void state.show(name, limit, state.next.value)}
        >
          Pass over
        </button>
        <span class="soft" role="status">
          {state.said.value || "Mark wrong ones by a click, or arrows and X."}
        </span>
        <span class="soft number">{state.total.value.toLocaleString("en")} to check</span>
      </footer>
      {relabeling && (
        <Dialog title={`${count(marked.length, "piece")}: which class?`} close={() => setRelabeling(false)}>
          <div class="choices">
            {classes
              .filter((one) => one.name !== name)
              .map((one) => (
                <button type="button" key={one.name} onClick={() => relabel(one.name)}>
                  <span class="swatch" style={{ background: one.color }} /> {one.name}
                </button>
              ))}
          </div>
        </Dialog>
      )}
    </div>
  );
}
