/** The review page: the picture is the page, everything else waits at the edges. */

import { effect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Stage } from "../../canvas/stage";
import { route, saveMark, saveWords } from "../../core/state";
import { loadFigures } from "../../ui/figures";
import { listen } from "./commands";
import { ConflictPanel } from "./conflict";
import { Desk } from "./desk";
import { LeftPanel, RightPanel } from "./panels";
import { arrived, refusals } from "./saving";
import { Sheets } from "./sheets";
import { Strip } from "./strip";
import { Toolbar } from "./toolbar";
import "./review.css";
import "./sheets.css";

let desk: Desk | null = null;

function theDesk(): Desk {
  if (!desk) {
    const made = new Desk();
    effect(() => {
      const news = arrived.value;
      made.follow(news);
      if (news?.counts) void loadFigures();
    });
    desk = made;
  }
  return desk;
}

function Heading({ desk }: { desk: Desk }) {
  const record = desk.editor.record.value;
  const lease = record?.lease;
  return (
    <div class="heading">
      <Toolbar desk={desk} />
      <span class="name" title={record?.image.name}>
        {record?.image.name ?? ""}
      </span>
      {record && (
        <span class="quiet number">
          {record.image.width_px} × {record.image.height_px}
        </span>
      )}
      {record?.status === "submitted" && <span class="badge">✓ submitted</span>}
      {record?.status === "skipped" && <span class="badge">? skipped</span>}
      {record && record.status !== "open" && (
        <button type="button" class="small" onClick={() => desk.reopen()}>
          Reopen
        </button>
      )}
      {record?.flag && <span class="badge">⚑ flagged</span>}
      {lease && !lease.mine && lease.holder && (
        <span class="badge warn">{lease.holder} has this image open</span>
      )}
      <span class="grow" />
      <span class="words" role="status" aria-live="polite">
        {desk.words.value || desk.tool().words}
      </span>
      <span class="number quiet">
        {desk.queue.value.done} of {desk.queue.value.total}
      </span>
      <span class="save" data-testid="save-state" data-state={saveMark.value.state} role="status">
        {saveWords(saveMark.value)}
      </span>
    </div>
  );
}

function Notice({ desk }: { desk: Desk }) {
  const refusal = refusals.value;
  const problem = refusal
    ? { title: refusal.error.message, detail: `${refusal.error.expected} ${refusal.error.remedy}`.trim() }
    : desk.problem.value;
  if (!problem) return null;
  const close = () => {
    refusals.value = null;
    desk.problem.value = null;
  };
  return (
    <div class="notice" role="alert" data-testid="notice">
      <strong>{problem.title}</strong> <span>{problem.detail}</span>
      <button type="button" class="small" onClick={close}>
        Close
      </button>
    </div>
  );
}

function Finished() {
  return (
    <div class="finished">
      <h2>All images are looked at</h2>
      <p>Nothing waits in the queue. Home says what the next step is: train, or select more images.</p>
      <a class="primary button" href="#/home">
        Home
      </a>
    </div>
  );
}

export function ReviewPage() {
  const desk = theDesk();
  const { argument } = route.value;
  useEffect(() => listen(desk), [desk]);
  useEffect(() => {
    desk.say("");
    void desk.open(argument ? Number(argument) : null);
  }, [desk, argument]);
  return (
    <div class="review" data-ready={desk.ready.value ? "yes" : "no"}>
      <Heading desk={desk} />
      {desk.leftOpen.value && <LeftPanel desk={desk} />}
      <section class="table" aria-label="The image">
        <Stage model={desk} />
        <Notice desk={desk} />
        {desk.finished.value && <Finished />}
        <Sheets desk={desk} />
        <ConflictPanel desk={desk} />
      </section>
      {desk.rightOpen.value && <RightPanel desk={desk} />}
      <Strip desk={desk} />
    </div>
  );
}
