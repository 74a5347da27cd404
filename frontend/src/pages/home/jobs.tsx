/** Stages started, watched and cancelled from here; each runs in a process of its own. */

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { ApiError, api } from "../../core/api";
import { loadFigures } from "../../ui/figures";
import { count, duration } from "../../ui/words";

interface Problem {
  where: string;
  what: string;
  remedy: string;
}
export interface Job {
  id: string;
  verb: string;
  status: "running" | "done" | "stopped" | "failed";
  share: number | null;
  words: string;
  seconds_left: number | null;
  problems: Problem[];
}

const VERBS: readonly [string, string, string][] = [
  ["train", "Train", "Let a labeler learn from the reviewed images"],
  ["prelabel", "Prelabel", "The first pass over everything not yet labeled"],
  ["select", "Select", "Choose the next images for the queue"],
];
const jobs = signal<Job[]>([]);
const refused = signal("");
const POLL_MS = 700;

async function load(): Promise<void> {
  const was = jobs.value.some((job) => job.status === "running");
  jobs.value = (await api.get<{ jobs: Job[] }>("/jobs")).jobs;
  if (was && !jobs.value.some((job) => job.status === "running")) void loadFigures();
}

async function ask(path: string, body: unknown): Promise<void> {
  try {
    await api.post<Job>(path, body);
    refused.value = "";
  } catch (error) {
    refused.value =
      error instanceof ApiError ? [error.message, error.remedy].filter(Boolean).join(". ") : String(error);
  }
  await load().catch(() => undefined);
}

function Row({ job }: { job: Job }) {
  const running = job.status === "running";
  const left = job.seconds_left === null ? "" : `, about ${duration(job.seconds_left)} left`;
  return (
    <div class="job" data-testid="job" data-status={job.status}>
      <span>
        <strong>{job.verb}</strong> {running ? `${job.words}${left}` : `${job.status}. ${job.words}`}
      </span>
      {running && (
        <button type="button" onClick={() => void ask(`/jobs/${job.id}/cancel`, {})}>
          Cancel
        </button>
      )}
      {running && <progress max={1} value={job.share ?? undefined} aria-label={`${job.verb}: share done`} />}
      {job.problems.length > 0 && (
        <details>
          <summary>{count(job.problems.length, "problem")}</summary>
          <ul>
            {job.problems.slice(0, 50).map((problem) => (
              <li key={problem.where + problem.what}>
                {problem.where}: {problem.what} {problem.remedy}
              </li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}

export function JobsPanel() {
  useEffect(() => {
    void load().catch(() => undefined);
    const timer = setInterval(() => void load().catch(() => undefined), POLL_MS);
    return () => clearInterval(timer);
  }, []);
  const busy = jobs.value.some((job) => job.status === "running");
  return (
    <section aria-labelledby="jobs-title">
      <h2 id="jobs-title">Let the machine work</h2>
      <div class="row">
        {VERBS.map(([verb, words, why]) => (
          <button
            type="button"
            key={verb}
            title={why}
            disabled={busy}
            onClick={() => void ask("/jobs", { verb, settings: {} })}
          >
            {words}
          </button>
        ))}
      </div>
      <p class="wrong" role="status">
        {refused.value}
      </p>
      {jobs.value.slice(0, 5).map((job) => (
        <Row key={job.id} job={job} />
      ))}
    </section>
  );
}
