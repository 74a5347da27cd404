/** Where the project stands, what was saved, and the one next step. */

import { project } from "../../core/state";
import type { HomeFigures } from "../../core/types";
import { figures, figuresError, loadFigures } from "../../ui/figures";
import { count, duration, percent } from "../../ui/words";
import { JobsPanel } from "./jobs";
import "./home.css";

function NextStep({ now }: { now: HomeFigures }) {
  return (
    <section class="next">
      <div>
        <strong>{now.next.title}</strong>
        <span class="soft">{now.next.detail}</span>
      </div>
      {now.images > 0 && (
        <a class="primary" href="#/review" data-testid="to-review">
          Open the review desk
        </a>
      )}
    </section>
  );
}

function Progress({ now }: { now: HomeFigures }) {
  const rest = [
    [now.queued, "in the queue"],
    [now.flagged, "flagged"],
    [now.skipped, "skipped"],
  ] as const;
  return (
    <section aria-labelledby="progress-title">
      <h2 id="progress-title">Reviewed</h2>
      <div class="big">
        {now.reviewed.toLocaleString("en")} <span class="soft">of {count(now.images, "image")}</span>
      </div>
      <progress max={Math.max(1, now.images)} value={now.reviewed} aria-label="Share of images reviewed" />
      <p class="soft">
        {rest
          .filter(([n]) => n > 0)
          .map(([n, words]) => `${n.toLocaleString("en")} ${words}`)
          .join(" · ")}
      </p>
    </section>
  );
}

function Saved({ now }: { now: HomeFigures }) {
  const { saved } = now;
  return (
    <section aria-labelledby="saved-title">
      <h2 id="saved-title">Expert time saved, measured here</h2>
      {saved.fraction === null ? (
        <>
          <div class="big">not enough data yet</div>
          <p class="soft">
            {count(saved.images, "image")} measured so far; ten are needed before a figure means anything.
          </p>
        </>
      ) : (
        <>
          <div class="big">{percent(saved.fraction)}</div>
          <p class="soft">
            {duration(saved.seconds)} on {count(saved.images, "image")}, against{" "}
            {duration(saved.baseline_seconds)} for drawing the same labels by hand at published speeds.
          </p>
        </>
      )}
    </section>
  );
}

function Classes({ now }: { now: HomeFigures }) {
  const most = Math.max(1, ...now.per_class.map((one) => one.count));
  const color = new Map(project.value?.classes.map((one) => [one.name, one.color]));
  if (now.per_class.length === 0) return null;
  return (
    <section aria-labelledby="classes-title">
      <h2 id="classes-title">Reviewed objects</h2>
      <table>
        <tbody>
          {now.per_class.slice(0, 20).map((one) => (
            <tr key={one.name}>
              <td>{one.name}</td>
              <td class="number">{one.count.toLocaleString("en")}</td>
              <td width="50%">
                <span
                  class="bar"
                  style={{
                    width: `${(100 * one.count) / most}%`,
                    background: color.get(one.name) ?? "#888888",
                  }}
                />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Layers({ now }: { now: HomeFigures }) {
  return (
    <section aria-labelledby="layers-title">
      <h2 id="layers-title">Layers: who says what</h2>
      {now.layers.length === 0 && (
        <p class="soft">None yet: labels come with an import, a first pass or a review.</p>
      )}
      <table>
        <tbody>
          {now.layers.map((layer) => (
            <tr key={layer.name}>
              <td>{layer.name}</td>
              <td class="soft">
                {layer.kind} by {layer.author}
              </td>
              <td class="number">{count(layer.objects, "object")}</td>
              <td class="number">{count(layer.images, "image")}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

export function HomePage() {
  const now = figures.value;
  if (!now)
    return (
      <div class="home">
        <section class="next">
          <span>{figuresError.value || "Reading the project …"}</span>
          {figuresError.value && (
            <button type="button" onClick={() => void loadFigures()}>
              Try again
            </button>
          )}
        </section>
      </div>
    );
  return (
    <div class="home" data-testid="home">
      <NextStep now={now} />
      <Progress now={now} />
      <Saved now={now} />
      <Classes now={now} />
      <JobsPanel />
      <Layers now={now} />
    </div>
  );
}
