/** The frame of every page: where we are, how far the team is, the theme. */

import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { project, route } from "../core/state";
import { figures, loadFigures } from "./figures";
import { duration } from "./words";
import "../theme/theme.css";
import "./shell.css";

const PAGES = [
  ["home", "Home"],
  ["review", "Review"],
  ["grid", "Grid"],
  ["guide", "Guide"],
] as const;

type Theme = "system" | "dark" | "light";
const THEMES: Theme[] = ["system", "dark", "light"];
const stored = localStorage.getItem("firstpass-theme") as Theme | null;
const theme = signal<Theme>(stored && THEMES.includes(stored) ? stored : "system");

function applyTheme(next: Theme): void {
  theme.value = next;
  localStorage.setItem("firstpass-theme", next);
  if (next === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
}
applyTheme(theme.value);

function Figures() {
  const now = figures.value;
  if (!now) return null;
  const { saved } = now;
  const gained =
    saved.fraction === null ? "" : ` · ${duration(saved.baseline_seconds - saved.seconds)} saved`;
  return (
    <span class="figures" data-testid="figures">
      {now.reviewed.toLocaleString("en")} of {now.images.toLocaleString("en")}
      {gained}
    </span>
  );
}

export function Shell({ children }: { children?: ComponentChildren }) {
  const page = route.value.page;
  useEffect(() => {
    void loadFigures();
  }, [page]);
  return (
    <div class="shell">
      <header>
        <span class="project">{project.value?.name}</span>
        <nav aria-label="Pages">
          {PAGES.map(([name, words]) => (
            <a key={name} href={`#/${name}`} aria-current={page === name ? "page" : undefined}>
              {words}
            </a>
          ))}
        </nav>
        <span class="grow" />
        <Figures />
        <button
          type="button"
          class="theme"
          title="Theme: as the system, dark, light"
          onClick={() => applyTheme(THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? "system")}
        >
          theme: {theme.value}
        </button>
      </header>
      <main>{children}</main>
    </div>
  );
}
