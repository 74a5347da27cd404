/** A small safe subset of Markdown as data: headings, paragraphs, lists, bold, emphasis, code. All else is plain text. */

export type Span = { kind: "text" | "strong" | "em" | "code"; text: string };
export type Block =
  | { kind: "heading"; level: 1 | 2 | 3; spans: Span[] }
  | { kind: "paragraph"; spans: Span[] }
  | { kind: "list"; ordered: boolean; items: Span[][] };

const SPAN = /\*\*([^*\n]+)\*\*|\*([^*\s](?:[^*\n]*[^*\s])?)\*|`([^`\n]+)`/g;

export function spansOf(text: string): Span[] {
  const spans: Span[] = [];
  let from = 0;
  for (const found of text.matchAll(SPAN)) {
    if (found.index > from) spans.push({ kind: "text", text: text.slice(from, found.index) });
    const [all, strong, em, code] = found;
    if (strong !== undefined) spans.push({ kind: "strong", text: strong });
    else if (em !== undefined) spans.push({ kind: "em", text: em });
    else spans.push({ kind: "code", text: code ?? "" });
    from = found.index + all.length;
  }
  if (from < text.length) spans.push({ kind: "text", text: text.slice(from) });
  return spans;
}

/** Blocks in order; empty text gives none. Never throws. */
export function blocksOf(markdown: string): Block[] {
  const blocks: Block[] = [];
  let lines: string[] = [];
  const close = () => {
    if (lines.length) blocks.push({ kind: "paragraph", spans: spansOf(lines.join(" ")) });
    lines = [];
  };
  for (const raw of markdown.split(/\r?\n/)) {
    const line = raw.trim();
    const heading = /^(#{1,3})\s+(.+)$/.exec(line);
    const item = /^(?:([-*])|\d{1,3}[.)])\s+(.+)$/.exec(line);
    if (line === "") {
      close();
      blocks.push({ kind: "paragraph", spans: [] });
    } else if (heading) {
      close();
      const level = (heading[1] ?? "#").length as 1 | 2 | 3;
      blocks.push({ kind: "heading", level, spans: spansOf(heading[2] ?? "") });
    } else if (item) {
      close();
      const ordered = item[1] === undefined;
      const last = blocks.at(-1);
      if (last?.kind === "list" && last.ordered === ordered) last.items.push(spansOf(item[2] ?? ""));
      else blocks.push({ kind: "list", ordered, items: [spansOf(item[2] ?? "")] });
    } else lines.push(line);
  }
  close();
  return blocks.filter((block) => block.kind !== "paragraph" || block.spans.length > 0);
}
