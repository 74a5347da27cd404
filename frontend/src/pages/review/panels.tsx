/** The side panels: classes, tags and why on the left; objects, least certain first, on the right. */

import { project } from "../../core/state";
import type { DeskObject, Tag } from "../../core/types";
import { scoreWords } from "../../core/uncertainty";
import { chooseClass, run } from "./commands";
import type { Desk } from "./desk";

const DIGITS = 10;
/** Rows beyond this are counted, not listed: a thousand rows help nobody. */
const MOST_ROWS = 300;

export function Swatch({ color }: { color: string }) {
  return (
    <svg class="swatch" width="10" height="10" aria-hidden="true">
      <rect width="10" height="10" rx="2" fill={color} />
    </svg>
  );
}

function ClassRows({ desk }: { desk: Desk }) {
  const counts = new Map<string, number>();
  for (const object of desk.editor.visible.value) {
    counts.set(object.class_name, (counts.get(object.class_name) ?? 0) + 1);
  }
  const sticky = desk.editor.sticky.value;
  return (
    <ul class="rows" data-testid="classes">
      {(project.value?.classes ?? []).map((c, i) => (
        <li key={c.name}>
          <button
            type="button"
            class="row"
            aria-pressed={c.name === sticky}
            title={i < DIGITS ? `${c.name}: key ${(i + 1) % 10}` : `${c.name}: C, then type`}
            onClick={() => chooseClass(desk, c.name)}
          >
            <kbd>{i < DIGITS ? (i + 1) % 10 : ""}</kbd>
            <Swatch color={desk.colorOf(c.name)} />
            <span class="grow">{c.name}</span>
            <span class="number">{counts.get(c.name) ?? 0}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}

function TagRow({ desk, tag }: { desk: Desk; tag: Tag }) {
  const { editor } = desk;
  const others = editor.tags.value.filter((other) => other !== tag);
  const words = tag.kind === "class" ? tag.name : `${tag.name ? `${tag.name}: ` : ""}${tag.text ?? ""}`;
  const keep = () =>
    editor.setTags(
      editor.tags.value.map((other) => (other === tag ? { ...tag, score: null } : other)),
      "verify tag",
    );
  return (
    <li class="row tag-row">
      <span class="grow">{words}</span>
      <span class="number">{scoreWords(tag.score)}</span>
      {tag.score !== null && (
        <button type="button" class="small" title="This tag is right" onClick={keep}>
          ✓
        </button>
      )}
      <button
        type="button"
        class="small"
        title="This tag is wrong: take it away"
        aria-label={`Remove ${words}`}
        onClick={() => editor.setTags(others, "reject tag")}
      >
        ×
      </button>
    </li>
  );
}

function Facts({ desk }: { desk: Desk }) {
  const record = desk.editor.record.value;
  if (!record) return null;
  const facts = Object.entries(record.metadata);
  return (
    <>
      <h2>Why this image</h2>
      <p class="note">{record.why || "It is next by name."}</p>
      {record.proposed_by && <p class="note quiet">Proposed by {record.proposed_by}</p>}
      {record.flag && <p class="note">⚑ {record.flag}</p>}
      {record.reason && <p class="note">Skipped: {record.reason}</p>}
      {facts.length > 0 && (
        <>
          <h2>About it</h2>
          <dl class="facts">
            {facts.slice(0, 12).map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ))}
          </dl>
        </>
      )}
    </>
  );
}

export function LeftPanel({ desk }: { desk: Desk }) {
  return (
    <aside class="side left" aria-label="Classes and tags">
      <h2>Classes</h2>
      <ClassRows desk={desk} />
      <h2>
        Tags
        <button
          type="button"
          class="small"
          title="Add a tag"
          onClick={() => {
            desk.sheet.value = "tag";
          }}
        >
          + add
        </button>
      </h2>
      <ul class="rows" data-testid="tags">
        {desk.editor.tags.value.map((tag) => (
          <TagRow key={`${tag.kind}:${tag.name}:${tag.text}`} desk={desk} tag={tag} />
        ))}
        {desk.editor.tags.value.length === 0 && <li class="note quiet">none</li>}
      </ul>
      <Facts desk={desk} />
    </aside>
  );
}

function ObjectRow({ desk, object }: { desk: Desk; object: DeskObject }) {
  const chosen = object.id === desk.editor.selectedId.value;
  const score = object.score === null ? "yours" : scoreWords(object.score);
  return (
    <li>
      <button
        type="button"
        class="row"
        data-testid="object-row"
        data-id={object.id}
        data-class={object.class_name}
        data-shape={object.shape.type}
        data-score={object.score ?? ""}
        aria-pressed={chosen}
        onClick={() => {
          desk.editor.selectedId.value = object.id;
        }}
      >
        <Swatch color={desk.colorOf(object.class_name)} />
        <span class="grow">{object.class_name}</span>
        <span class="quiet">{object.shape.type === "box" ? "" : object.shape.type}</span>
        <span class={object.score === null ? "number quiet" : "number"}>{score}</span>
      </button>
    </li>
  );
}

function Attributes({ desk, object }: { desk: Desk; object: DeskObject }) {
  const asked = project.value?.classes.find((c) => c.name === object.class_name)?.attributes ?? [];
  if (asked.length === 0) return null;
  return (
    <div class="attributes">
      {asked.map((attribute) => (
        <label key={attribute.name}>
          {attribute.name}
          <select
            value={String(object.attributes[attribute.name] ?? attribute.default ?? "")}
            onChange={(event) => desk.editor.setAttribute(object, attribute.name, event.currentTarget.value)}
          >
            {attribute.values.map((value) => (
              <option key={value}>{value}</option>
            ))}
          </select>
        </label>
      ))}
    </div>
  );
}

export function RightPanel({ desk }: { desk: Desk }) {
  const { editor } = desk;
  const ordered = editor.ordered.value;
  const selected = editor.selected.value;
  return (
    <aside class="side right" aria-label="Objects">
      <h2>
        Objects <span class="number">{ordered.length}</span>
      </h2>
      <p class="note quiet">▲ least certain</p>
      <ul class="rows scroll">
        {ordered.slice(0, MOST_ROWS).map((object) => (
          <ObjectRow key={object.id} desk={desk} object={object} />
        ))}
        {ordered.length > MOST_ROWS && (
          <li class="note quiet">and {ordered.length - MOST_ROWS} more, surer ones</li>
        )}
        {ordered.length === 0 && <li class="note quiet">Nothing here. W draws a box.</li>}
      </ul>
      {selected && (
        <div class="chosen">
          <Attributes desk={desk} object={selected} />
          {selected.text && <p class="note">“{selected.text}”</p>}
          <div class="buttons">
            <button
              type="button"
              disabled={selected.score === null}
              onClick={() => run(desk, "accept-object")}
            >
              Accept <kbd>Y</kbd>
            </button>
            <button type="button" onClick={() => run(desk, "delete")}>
              Delete <kbd>X</kbd>
            </button>
          </div>
        </div>
      )}
    </aside>
  );
}
