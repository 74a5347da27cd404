/** The home figures, shared by the shell's top bar and the home page. */

import { signal } from "@preact/signals";
import { ApiError, api } from "../core/api";
import type { HomeFigures } from "../core/types";

export const figures = signal<HomeFigures | null>(null);
export const figuresError = signal("");

export async function loadFigures(): Promise<void> {
  try {
    figures.value = await api.get<HomeFigures>("/home");
    figuresError.value = "";
  } catch (error) {
    figuresError.value = error instanceof ApiError ? error.message : String(error);
  }
}
