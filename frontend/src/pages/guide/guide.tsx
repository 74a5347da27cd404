/** The labeling guide: per class the rule, examples and counter-examples; every version is kept. */

import { useEffect, useRef, useState } from "preact/hooks";
import { project, route } from "../../core/state";
import { Icon } from "../../ui/icons";
import { Notice } from "../../ui/notice";
import { Prose } from "../../ui/prose";
import { cropUrl, drafts, error, type GuideClass, type GuideExample, guide, load, save } from "./state";
import "./guide.css";

function Example({ example, remove }: { example: GuideExample; remove: (() => void) | null }) {
  const url = cropUrl(example);
  return (
    <figure>
      {url ? <img src={url} alt={example.note || example.image_name} /> : <code>{example.image_name}</code>}
      <figcaption>
        <span class={example.counter ? "counter" : "good"}>
          <Icon name={example.counter ? "x" : "check"} /> {example.counter ? "not like this" : "like this"}
        </span>
        {example.note}
      </figcaption>
      {remove && (
        <button type="button" onClick={remove}>
          Take out
        </button>
      )}
    </figure>
  );
}

function Examples(props: { examples: readonly GuideExample[]; remove: ((at: number) => void) | null }) {
  if (props.examples.length === 0) return null;
  const { remove } = props;
  return (
    <div class="examples">
      {props.examples.map((example, at) => (
        <Example
          key={`${example.image_name}/${String(example.xyxy_px)}/${at}`}
          example={example}
          remove={remove && (() => remove(at))}
        />
      ))}
    </div>
  );
}

function Editor({ page, version, close }: { page: GuideClass; version: number; close(): void }) {
  const draft = drafts.get(page.name);
  const [text, setText] = useState(draft?.text ?? page.guide);
  const [examples, setExamples] = useState<readonly GuideExample[]>(draft?.examples ?? page.examples);
  const [base, setBase] = useState(draft?.version ?? version);
  const [theirs, setTheirs] = useState<string | null>(null);
  const [words, setWords] = useState("");
  const [busy, setBusy] = useState(false);
  const area = useRef<HTMLTextAreaElement>(null);
  useEffect(() => area.current?.focus(), []);
  useEffect(() => {
    drafts.set(page.name, { text, examples, version: base });
  }, [text, examples, base]);
  function leave(): void {
    drafts.delete(page.name);
    close();
  }
  function takeTheirs(other: string): void {
    setText(other);
    setExamples(guide.value?.classes.find((one) => one.name === page.name)?.examples ?? []);
  }
  async function keep(): Promise<void> {
    setBusy(true);
    const saved = await save(page.name, text, examples, base);
    setBusy(false);
    if (saved === "saved") leave();
    else if (saved === "conflict") {
      const now = guide.value;
      setTheirs(now?.classes.find((one) => one.name === page.name)?.guide ?? "");
      setBase(now?.version ?? base);
      setWords("Someone saved another version meanwhile. Yours is still here; saving again replaces theirs.");
    } else setWords(saved.refused);
  }
  return (
    <div class="editor">
      <label for="guide-text">Rule, in Markdown: # heading, - list, **bold**, *emphasis*, `code`</label>
      <div class="both">
        <textarea
          id="guide-text"
          ref={area}
          rows={12}
          value={text}
          maxLength={100_000}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <section aria-label={theirs === null ? "How it will look" : "Their version"}>
          <h3>{theirs === null ? "How it will look" : "Their version"}</h3>
          <Prose text={theirs ?? text} />
        </section>
      </div>
      <Examples examples={examples} remove={(at) => setExamples(examples.filter((_, i) => i !== at))} />
      <p class="wrong" role="alert">
        {words}
      </p>
      <div class="row">
        <button type="button" class="primary" disabled={busy} onClick={() => void keep()}>
          {theirs === null ? "Save as the next version" : "Save mine"}
        </button>
        {theirs !== null && (
          <button type="button" onClick={() => takeTheirs(theirs)}>
            Take theirs
          </button>
        )}
        <button type="button" onClick={leave}>
          Cancel
        </button>
      </div>
    </div>
  );
}

function ClassPage({ page, version }: { page: GuideClass; version: number }) {
  const [editing, setEditing] = useState(drafts.has(page.name));
  const edit = useRef<HTMLButtonElement>(null);
  const was = useRef(editing);
  useEffect(() => {
    if (was.current && !editing) edit.current?.focus();
    was.current = editing;
  }, [editing]);
  return (
    <article aria-labelledby="guide-title">
      <header>
        <h1 id="guide-title">{page.name}</h1>
        {!editing && (
          <button type="button" ref={edit} onClick={() => setEditing(true)}>
            Edit
          </button>
        )}
      </header>
      {editing ? (
        <Editor page={page} version={version} close={() => setEditing(false)} />
      ) : (
        <>
          {page.guide.trim() ? (
            <Prose text={page.guide} />
          ) : (
            <p class="soft">
              No rule yet. Write down what counts as {page.name}, what does not, and where its border runs.
            </p>
          )}
          <Examples examples={page.examples} remove={null} />
        </>
      )}
    </article>
  );
}

export function GuidePage() {
  useEffect(() => {
    void load();
  }, []);
  const now = guide.value;
  if (!now)
    return error.value ? (
      <Notice error title="The guide cannot be shown" detail={error.value}>
        <button type="button" onClick={() => void load()}>
          Try again
        </button>
      </Notice>
    ) : (
      <div class="guide-page" aria-busy="true" />
    );
  const page = now.classes.find((one) => one.name === route.value.argument) ?? now.classes[0];
  if (!page)
    return (
      <Notice
        title="No classes yet"
        detail="The guide has one page per class. Add classes to firstpass.toml, then open the desk again."
      />
    );
  const color = new Map(project.value?.classes.map((one) => [one.name, one.color]));
  return (
    <div class="guide-page" data-testid="guide">
      <nav aria-label="Classes of the guide">
        {now.classes.map((one) => (
          <a
            key={one.name}
            href={`#/guide/${encodeURIComponent(one.name)}`}
            aria-current={one === page ? "true" : undefined}
          >
            <span class="swatch" style={{ background: color.get(one.name) ?? "#888888" }} />
            {one.name}
          </a>
        ))}
        <p class="soft">
          {now.version === 0
            ? "As firstpass.toml has it"
            : `Version ${now.version} by ${now.author}${now.at ? `, ${new Date(now.at).toLocaleString()}` : ""}`}
        </p>
      </nav>
      <ClassPage key={page.name} page={page} version={now.version} />
    </div>
  );
}
