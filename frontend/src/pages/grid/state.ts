/** What the grid page holds, and its talk with the server. */

import { batch, signal } from "@preact/signals";
import { ApiError, api } from "../../core/api";
import type { GridDecision, GridDone, GridItem, GridPage } from "../../core/types";
import { loadFigures } from "../../ui/figures";
import { count } from "../../ui/words";
import { itemId, type Marks } from "./selection";

const NONE: Marks = new Set();
export const items = signal<readonly GridItem[] | null>(null);
export const total = signal(0);
export const next = signal<string | null>(null);
export const marks = signal<Marks>(NONE);
export const seen = signal<Marks>(NONE);
export const focus = signal(0);
export const said = signal("");
export const error = signal("");
export const busy = signal(false);
export const undoable = signal<readonly string[]>([]);

let from: string | null = null;
let ask = 0;

function wordsOf(problem: unknown): string {
  if (problem instanceof ApiError) return [problem.message, problem.remedy].filter(Boolean).join(" ");
  return String(problem);
}

/** Those that are still shown: their tiles stay, so their pictures do not load again. */
function kept(old: Marks, now: readonly GridItem[]): Marks {
  return new Set(now.map(itemId).filter((id) => old.has(id)));
}

/** Before another class is shown. */
export function clear(): void {
  batch(() => {
    items.value = null;
    marks.value = NONE;
    seen.value = NONE;
    next.value = null;
    error.value = "";
  });
}

/** Shows the page of a class that starts after `cursor`; an answer that comes too late is dropped. */
export async function show(className: string, limit: number, cursor: string | null): Promise<void> {
  const mine = ++ask;
  const query = new URLSearchParams({ class_name: className, limit: String(limit) });
  if (cursor) query.set("cursor", cursor);
  try {
    const page = await api.get<GridPage>(`/grid?${query}`);
    if (mine !== ask) return;
    from = cursor;
    batch(() => {
      items.value = page.items;
      total.value = page.total;
      next.value = page.cursor;
      marks.value = kept(marks.value, page.items);
      seen.value = kept(seen.value, page.items);
      focus.value = 0;
      error.value = "";
    });
  } catch (problem) {
    if (mine === ask) error.value = wordsOf(problem);
  }
}

export function again(className: string, limit: number): Promise<void> {
  return show(className, limit, from);
}

/** Sends verdicts that are undone as one, then shows what is left from the same place on. */
export async function decide(
  decisions: GridDecision[],
  words: string,
  className: string,
  limit: number,
): Promise<void> {
  if (busy.value || decisions.length === 0) return;
  busy.value = true;
  const id = crypto.randomUUID();
  try {
    const done = await api.post<GridDone>("/grid/decide", { id, decisions });
    undoable.value = [...undoable.value, id];
    const left = done.conflicts.length;
    said.value = `${words}.${left ? ` ${count(left, "image")} changed meanwhile and left as they are.` : ""}`;
    await again(className, limit);
    if (items.value?.length === 0 && from !== null) await show(className, limit, null);
    void loadFigures();
  } catch (problem) {
    said.value = `Nothing was changed: ${wordsOf(problem)}`;
  } finally {
    busy.value = false;
  }
}

export async function undo(className: string, limit: number): Promise<void> {
  const id = undoable.value.at(-1);
  if (busy.value || !id) return;
  busy.value = true;
  try {
    const done = await api.post<GridDone>("/grid/undo", { id });
    undoable.value = undoable.value.slice(0, -1);
    const left = done.conflicts.length;
    said.value = `${count(done.done, "verdict")} taken back.${left ? ` ${count(left, "image")} changed since and left as they are.` : ""}`;
    await again(className, limit);
    void loadFigures();
  } catch (problem) {
    said.value = `Not taken back: ${wordsOf(problem)}`;
  } finally {
    busy.value = false;
  }
}
