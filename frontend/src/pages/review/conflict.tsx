/** Someone else changed the image meanwhile: both versions side by side, and one choice. */

import { useEffect, useRef } from "preact/hooks";
import { api } from "../../core/api";
import { shapeBounds } from "../../core/geometry";
import { applyChanges } from "../../core/history";
import { type Choice, type Made, mineOver, settle } from "../../core/merge";
import type { Action, DeskObject, DeskRecord } from "../../core/types";
import type { Desk } from "./desk";
import { type Conflict, conflicts } from "./saving";

function madeHere(conflict: Conflict): Made[] {
  return conflict.waiting
    .filter((item) => item.path.endsWith("/actions"))
    .map((item) => item.body as unknown as Action);
}

/** Objects drawn small, on a plain ground: enough to see what differs. */
function Sketch(props: { desk: Desk; objects: readonly DeskObject[]; record: DeskRecord; title: string }) {
  const ref = useRef<HTMLCanvasElement>(null);
  const { desk, objects, record } = props;
  useEffect(() => {
    const ctx = ref.current?.getContext("2d");
    if (!ctx) return;
    const { width_px: w, height_px: h } = record.image;
    const scale = Math.min(260 / w, 180 / h);
    ctx.clearRect(0, 0, 260, 180);
    const picture = desk.picture.value;
    if (picture?.key === record.image.key) ctx.drawImage(picture.bitmap, 0, 0, w * scale, h * scale);
    for (const object of objects) {
      const [x0, y0, x1, y1] = shapeBounds(object.shape);
      ctx.lineWidth = 2;
      ctx.strokeStyle = desk.colorOf(object.class_name);
      ctx.strokeRect(x0 * scale, y0 * scale, Math.max(3, (x1 - x0) * scale), Math.max(3, (y1 - y0) * scale));
    }
  }, [desk, objects, record]);
  return (
    <figure>
      <canvas ref={ref} width={260} height={180} />
      <figcaption>
        {props.title}: {objects.length} {objects.length === 1 ? "object" : "objects"}
      </figcaption>
    </figure>
  );
}

/** The refused actions that the choice has answered are marked as looked at. */
async function settleRefused(conflict: Conflict): Promise<void> {
  const ids = new Set(conflict.waiting.map((item) => item.body.id));
  for (const refused of conflict.current.refused) {
    if (!ids.has(refused.id)) continue;
    await api.post(`/images/${conflict.imageKey}/refused/${refused.id}/settle`, {}).catch(() => undefined);
  }
}

async function choose(desk: Desk, conflict: Conflict, choice: Choice): Promise<void> {
  const { current, imageKey, waiting } = conflict;
  const made = madeHere(conflict);
  const sync = desk.syncing;
  const changes = settle(choice, current.objects, made, () => crypto.randomUUID());
  const lastTags = made.findLast((step) => step.tags)?.tags ?? null;
  const tags = choice !== "theirs" && lastTags ? { before: current.tags, after: lastTags.after } : null;
  await sync?.resolve(imageKey, current.version);
  conflicts.value = conflicts.value.filter((other) => other !== conflict);
  if (changes.length > 0 || tags) {
    const at = new Date().toISOString();
    const body = { id: crypto.randomUUID(), kind: "adjust", changes, tags, seconds: null, at };
    await sync?.put(imageKey, `/images/${imageKey}/actions`, body);
  }
  if (choice !== "theirs") {
    for (const item of waiting) {
      if (!item.path.endsWith("/actions")) {
        await sync?.put(imageKey, item.path, { ...item.body, id: crypto.randomUUID() });
      }
    }
  }
  desk.reload(current);
  void settleRefused(conflict);
}

export function ConflictPanel({ desk }: { desk: Desk }) {
  const conflict = conflicts.value[0];
  if (!conflict) return null;
  const made = madeHere(conflict);
  const base = applyChanges(conflict.current.objects, []);
  const mine = mineOver(base, made);
  const other = conflict.current.history.at(-1)?.author || "someone else";
  return (
    <div class="sheet-frame">
      <div class="sheet wide" role="alertdialog" aria-label="Changed elsewhere" data-testid="conflict">
        <h2>
          {conflict.current.image.name} was changed by {other} meanwhile
        </h2>
        <p class="note">
          {made.length} {made.length === 1 ? "change" : "changes"} of yours on this image{" "}
          {made.length === 1 ? "waits" : "wait"} here. Whatever you choose, the other version stays in the
          history.
        </p>
        <div class="sketches">
          <Sketch desk={desk} objects={mine} record={conflict.current} title="With yours" />
          <Sketch desk={desk} objects={conflict.current.objects} record={conflict.current} title="Theirs" />
        </div>
        <div class="buttons">
          <button type="button" class="primary" onClick={() => void choose(desk, conflict, "mine")}>
            Keep mine
          </button>
          <button type="button" onClick={() => void choose(desk, conflict, "theirs")}>
            Keep theirs
          </button>
          <button type="button" onClick={() => void choose(desk, conflict, "both")}>
            Keep both
          </button>
        </div>
      </div>
    </div>
  );
}
