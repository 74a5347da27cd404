/** The guide as the server has it, and saving a class's page against the version that was read. */

import { signal } from "@preact/signals";
import { ApiError, api } from "../../core/api";
import type { Xyxy } from "../../core/types";

/** image_key: where the server can tell which image it is; without it the example is shown by its name. */
export interface GuideExample {
  image_name: string;
  image_key?: number | null;
  xyxy_px: Xyxy | null;
  note: string;
  counter: boolean;
}
export interface GuideClass {
  name: string;
  guide: string;
  examples: GuideExample[];
}
export interface Guide {
  version: number;
  classes: GuideClass[];
  author: string;
  at: string | null;
  note: string;
}
export type Saved = "saved" | "conflict" | { refused: string };

export const guide = signal<Guide | null>(null);
export const error = signal("");

/** What was typed and not yet saved, by class, with the version it began from: kept while other pages are looked at. */
export interface Draft {
  text: string;
  examples: readonly GuideExample[];
  version: number;
}
export const drafts = new Map<string, Draft>();

function wordsOf(problem: unknown): string {
  if (problem instanceof ApiError) return [problem.message, problem.remedy].filter(Boolean).join(" ");
  return String(problem);
}

export async function load(): Promise<void> {
  try {
    guide.value = await api.get<Guide>("/guide");
    error.value = "";
  } catch (problem) {
    error.value = wordsOf(problem);
  }
}

/** On a conflict the guide is read anew, so that both texts can be shown; nothing typed is lost. */
export async function save(
  name: string,
  text: string,
  examples: readonly GuideExample[],
  version: number,
): Promise<Saved> {
  const sent = examples.map(({ image_name, xyxy_px, note, counter }) => ({
    image_name,
    xyxy_px,
    note,
    counter,
  }));
  try {
    const body = { guide: text, examples: sent };
    guide.value = await api.put<Guide>(`/guide/${encodeURIComponent(name)}`, body, { ifMatch: version });
    return "saved";
  } catch (problem) {
    if (!(problem instanceof ApiError) || problem.status !== 409) return { refused: wordsOf(problem) };
    await load();
    return "conflict";
  }
}

export function cropUrl(example: GuideExample): string | null {
  const { image_key: key, xyxy_px: box } = example;
  if (key === undefined || key === null) return null;
  if (!box) return `/api/v1/images/${key}/picture?max_side_px=160`;
  const [x1, y1, x2, y2] = box;
  return `/api/v1/images/${key}/crop?x1=${x1}&y1=${y1}&x2=${x2}&y2=${y2}&side_px=160`;
}
