/** Start of the desk: the session, the project, and the page that the address names. */

import { type ComponentType, render } from "preact";
import { useEffect } from "preact/hooks";
import { ApiError, api } from "./core/api";
import { parseHash, project, route, session } from "./core/state";
import type { ProjectInfo } from "./core/types";
import { ReviewPage } from "./pages/review";
import "./main.css";

type Modules = Record<string, Record<string, unknown>>;
const modules: Modules = import.meta.glob(["./ui/shell.tsx", "./pages/{home,grid,guide,map,trial}/*.tsx"], {
  eager: true,
});

/** A component exported under this name by any page or ui module, or null while it is not there. */
function named(name: string): ComponentType<{ children?: unknown }> | null {
  for (const module of Object.values(modules)) {
    if (typeof module[name] === "function") return module[name] as ComponentType<{ children?: unknown }>;
  }
  return null;
}

const PAGES: Record<string, string> = {
  home: "HomePage",
  grid: "GridPage",
  guide: "GuidePage",
  map: "MapPage",
  trial: "TrialPage",
};

function Page() {
  const { page } = route.value;
  if (page === "review") return <ReviewPage />;
  const Found = named(PAGES[page] ?? "HomePage");
  return Found ? <Found /> : <ReviewPage />;
}

function App() {
  useEffect(() => {
    const follow = () => {
      route.value = parseHash(location.hash);
    };
    window.addEventListener("hashchange", follow);
    return () => window.removeEventListener("hashchange", follow);
  }, []);
  const Shell = named("Shell");
  return Shell ? (
    <Shell>
      <Page />
    </Shell>
  ) : (
    <Page />
  );
}

/** Shown in place of the desk when it cannot start. */
function CannotStart({ error }: { error: unknown }) {
  const refused = error instanceof ApiError && error.status === 401;
  return (
    <div class="cannot-start">
      <h1>{refused ? "This page needs the address that Firstpass printed" : "The desk cannot start"}</h1>
      <p>
        {refused
          ? "Open the address that `firstpass review` shows in the terminal; it works once. Start it again for a new one."
          : error instanceof Error
            ? error.message
            : String(error)}
      </p>
    </div>
  );
}

async function start(root: HTMLElement): Promise<void> {
  try {
    session.value = await api.session();
    project.value = await api.get<ProjectInfo>("/project");
    document.title = `${project.value.name} · Firstpass`;
    route.value = parseHash(location.hash);
    render(<App />, root);
  } catch (error) {
    render(<CannotStart error={error} />, root);
  }
}

const root = document.getElementById("app");
if (root) void start(root);
