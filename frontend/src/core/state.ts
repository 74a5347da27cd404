/** State shared by every page: who is here, which project, where we are. */

import { signal } from "@preact/signals";
import type { ProjectInfo, Session } from "./types";

export const session = signal<Session | null>(null);
export const project = signal<ProjectInfo | null>(null);

/** The page and its argument, from location.hash: "#/review/12" → {page: "review", argument: "12"}. */
export interface Route {
  page: string;
  argument: string;
}

export function parseHash(hash: string): Route {
  const [page = "", argument = ""] = hash.replace(/^#\/?/, "").split("/");
  return { page: page || "home", argument: decodeURIComponent(argument) };
}

export const route = signal<Route>({ page: "home", argument: "" });

/** The words of the save mark at the top right, and how loud it is. */
export interface SaveMark {
  state: "saved" | "saving" | "offline" | "conflict";
  waiting: number;
}
export const saveMark = signal<SaveMark>({ state: "saved", waiting: 0 });

export function saveWords(mark: SaveMark): string {
  if (mark.state === "saving") return `○ saving ${mark.waiting}`;
  if (mark.state === "offline") return `▲ offline, ${mark.waiting} kept here`;
  if (mark.state === "conflict") return "◆ changed elsewhere";
  return "● saved";
}
