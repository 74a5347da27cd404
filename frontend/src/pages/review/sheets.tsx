/** What opens over the image: class palette, notes for flag and skip, the keys, the guide. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { project } from "../../core/state";
import type { DeskClass } from "../../core/types";
import { chooseClass } from "./commands";
import type { Desk } from "./desk";
import { KeysSheet } from "./keys";
import { Swatch } from "./panels";

export function Panel(props: { title: string; close(): void; children: ComponentChildren }) {
  const ref = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    const inside = (what: string) => ref.current?.querySelector<HTMLElement>(what);
    (inside("[data-first]") ?? inside("input, textarea, button"))?.focus();
    return () => {
      if (before instanceof HTMLElement) before.focus({ preventScroll: true });
    };
  }, []);
  return (
    <div class="sheet-frame">
      <div
        class="sheet"
        ref={ref}
        role="dialog"
        aria-label={props.title}
        onKeyDown={(event) => {
          if (event.key === "Escape") {
            event.stopPropagation();
            props.close();
          }
        }}
      >
        <h2>{props.title}</h2>
        {props.children}
      </div>
    </div>
  );
}

/** Classes whose name, or one of whose phrases, holds the letters; names that begin with them first. */
export function matching(classes: readonly DeskClass[], typed: string): DeskClass[] {
  const letters = typed.trim().toLowerCase();
  const rank = (c: DeskClass) => {
    const name = c.name.toLowerCase();
    if (name.startsWith(letters)) return 0;
    if (name.includes(letters)) return 1;
    return c.phrases.some((phrase) => phrase.toLowerCase().includes(letters)) ? 2 : 3;
  };
  return classes.filter((c) => rank(c) < 3).sort((a, b) => rank(a) - rank(b));
}

function Palette({ title, choose, close }: { title: string; choose(name: string): void; close(): void }) {
  const [typed, setTyped] = useState("");
  const [at, setAt] = useState(0);
  const found = matching(project.value?.classes ?? [], typed);
  const take = (c: DeskClass | undefined) => {
    if (!c) return;
    close();
    choose(c.name);
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown") setAt(Math.min(at + 1, found.length - 1));
    else if (event.key === "ArrowUp") setAt(Math.max(at - 1, 0));
    else if (event.key === "Enter") take(found[at]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <Panel title={title} close={close}>
      <input
        data-testid="palette"
        aria-label="Type a class name"
        placeholder="Type a name"
        autocomplete="off"
        value={typed}
        onInput={(event) => {
          setTyped(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={onKey}
      />
      <ul class="rows scroll palette">
        {found.slice(0, 40).map((c, i) => (
          <li key={c.name}>
            <button type="button" class="row" aria-pressed={i === at} onClick={() => take(c)}>
              <Swatch color={c.color} />
              <span class="grow">{c.name}</span>
            </button>
          </li>
        ))}
        {found.length === 0 && <li class="note quiet">No class has these letters.</li>}
      </ul>
    </Panel>
  );
}

const REASONS = ["Too blurred", "Not in the guide", "Wrong kind of image", "Two readings are possible"];

function Note(props: {
  title: string;
  words: string;
  reasons: readonly string[];
  value: string;
  button: string;
  send(note: string): void;
  close(): void;
}) {
  const [note, setNote] = useState(props.value);
  const send = (words: string) => {
    props.close();
    props.send(words.trim());
  };
  return (
    <Panel title={props.title} close={props.close}>
      <p class="note">{props.words}</p>
      {props.reasons.length > 0 && (
        <div class="buttons">
          {props.reasons.map((reason) => (
            <button type="button" key={reason} onClick={() => send(reason)}>
              {reason}
            </button>
          ))}
        </div>
      )}
      <textarea
        data-first
        rows={3}
        aria-label={props.title}
        value={note}
        onInput={(event) => setNote(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || event.shiftKey) return;
          event.preventDefault();
          event.stopPropagation();
          if (note.trim()) send(note);
        }}
      />
      <div class="buttons">
        <button type="button" class="primary" disabled={!note.trim()} onClick={() => send(note)}>
          {props.button} <kbd>Enter</kbd>
        </button>
        {props.value && (
          <button type="button" onClick={() => send("")}>
            Take the flag off
          </button>
        )}
        <button type="button" onClick={props.close}>
          Back <kbd>Esc</kbd>
        </button>
      </div>
    </Panel>
  );
}

function GuideSheet({ desk, close }: { desk: Desk; close(): void }) {
  const name = desk.editor.selected.value?.class_name ?? desk.editor.sticky.value;
  const found = project.value?.classes.find((c) => c.name === name);
  return (
    <Panel title={name ? `Guide: ${name}` : "Guide"} close={close}>
      <p class="note">{found?.guide || "The guide says nothing about this class yet."}</p>
      <p class="note quiet">{found?.phrases.length ? `Also called ${found.phrases.join(", ")}.` : ""}</p>
      <div class="buttons">
        <button type="button" onClick={close}>
          Close <kbd>I</kbd>
        </button>
      </div>
    </Panel>
  );
}

function addTag(desk: Desk, name: string): void {
  const { tags } = desk.editor;
  if (tags.value.some((tag) => tag.kind === "class" && tag.name === name)) return;
  const tag = { name, kind: "class", text: null, score: null, attributes: {} };
  desk.editor.setTags([...tags.value, tag], "choose tag");
}

export function Sheets({ desk }: { desk: Desk }) {
  const close = () => {
    desk.sheet.value = null;
  };
  switch (desk.sheet.value) {
    case "palette":
      return <Palette title="Class" choose={(name) => chooseClass(desk, name)} close={close} />;
    case "tag":
      return <Palette title="Tag for the whole image" choose={(name) => addTag(desk, name)} close={close} />;
    case "flag":
      return (
        <Note
          title="Flag for a colleague"
          words="What should they look at?"
          reasons={[]}
          value={desk.editor.record.value?.flag ?? ""}
          button="Flag"
          send={(note) => desk.flag(note)}
          close={close}
        />
      );
    case "skip":
      return (
        <Note
          title="Cannot tell"
          words="Why? The image is put aside and the next one comes."
          reasons={REASONS}
          value=""
          button="Skip"
          send={(reason) => desk.skip(reason)}
          close={close}
        />
      );
    case "keys":
      return <KeysSheet desk={desk} close={close} />;
    case "guide":
      return <GuideSheet desk={desk} close={close} />;
    default:
      return null;
  }
}
