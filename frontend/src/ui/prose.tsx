/** Markdown's small subset as elements; text stays text, so nothing typed can become markup. */

import { type Block, blocksOf, type Span } from "./markdown";

function Spans({ spans }: { spans: Span[] }) {
  return (
    <>
      {spans.map(({ kind, text }) => {
        if (kind === "strong") return <strong>{text}</strong>;
        if (kind === "em") return <em>{text}</em>;
        if (kind === "code") return <code>{text}</code>;
        return text;
      })}
    </>
  );
}

function One({ block }: { block: Block }) {
  if (block.kind === "heading")
    return (
      <h4>
        <Spans spans={block.spans} />
      </h4>
    );
  if (block.kind === "paragraph")
    return (
      <p>
        <Spans spans={block.spans} />
      </p>
    );
  const items = block.items.map((spans) => (
    <li>
      <Spans spans={spans} />
    </li>
  ));
  return block.ordered ? <ol>{items}</ol> : <ul>{items}</ul>;
}

export function Prose({ text }: { text: string }) {
  return (
    <div class="prose">
      {blocksOf(text).map((block) => (
        <One block={block} />
      ))}
    </div>
  );
}
