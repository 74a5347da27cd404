import { IDBFactory } from "fake-indexeddb";
import { describe, expect, it, vi } from "vitest";
import { ApiError } from "../../src/core/api";
import { memoryOutbox, openOutbox, type Waiting } from "../../src/core/outbox";
import type { SaveMark } from "../../src/core/state";
import { Sync } from "../../src/core/sync";

interface Bench {
  sync: Sync;
  marks: SaveMark[];
  sent: { path: string; id: string; ifMatch: number }[];
  conflicts: [number, Waiting[]][];
  refused: Waiting[];
  later: (() => void)[];
  answer: { fail: ApiError | null };
}

function bench(outbox = memoryOutbox()): Bench {
  const versions = new Map<string, number>();
  const made: Omit<Bench, "sync"> = {
    marks: [],
    sent: [],
    conflicts: [],
    refused: [],
    later: [],
    answer: { fail: null },
  };
  const sync = new Sync(outbox, {
    async send(path, body, ifMatch) {
      if (made.answer.fail) throw made.answer.fail;
      made.sent.push({ path, id: (body as { id: string }).id, ifMatch });
      versions.set(path, ifMatch + 1);
      return { version: ifMatch + 1 };
    },
    mark: (mark) => made.marks.push(mark),
    conflict: (key, _current, waiting) => made.conflicts.push([key, waiting]),
    refused: (item) => made.refused.push(item),
    arrived: () => undefined,
    later: (_ms, run) => made.later.push(run),
  });
  return { sync, ...made };
}

const offline = new ApiError(0, null, "no network");
const settled = () => vi.waitFor(() => undefined).then(() => new Promise((done) => setTimeout(done, 5)));

describe("saving", () => {
  it("sends in order, each on the version before", async () => {
    const { sync, sent, marks } = bench();
    await sync.start();
    sync.loaded(1, 4);
    await sync.put(1, "/images/1/actions", { id: "a" });
    await sync.put(1, "/images/1/actions", { id: "b" });
    await settled();
    expect(sent.map((s) => [s.id, s.ifMatch])).toEqual([
      ["a", 4],
      ["b", 5],
    ]);
    expect(marks.at(-1)).toEqual({ state: "saved", waiting: 0 });
  });

  it("keeps everything while offline and sends it when the server is back", async () => {
    const b = bench();
    await b.sync.start();
    b.answer.fail = offline;
    for (const id of ["a", "b", "c"]) await b.sync.put(1, "/images/1/actions", { id });
    await settled();
    expect(b.marks.at(-1)).toEqual({ state: "offline", waiting: 3 });
    b.answer.fail = null;
    b.later.at(-1)?.();
    await settled();
    expect(b.sent.map((s) => s.id)).toEqual(["a", "b", "c"]);
    expect(b.marks.at(-1)?.state).toBe("saved");
  });

  it("a closed tab loses nothing: the next one sends it from IndexedDB", async () => {
    const factory = new IDBFactory();
    const first = bench(await openOutbox(factory, "p"));
    await first.sync.start();
    first.sync.loaded(7, 2);
    first.answer.fail = offline;
    await first.sync.put(7, "/images/7/actions", { id: "a" });
    await first.sync.put(7, "/images/7/submit", { id: "s" });
    const second = bench(await openOutbox(factory, "p"));
    await second.sync.start();
    await settled();
    expect(second.sent.map((s) => [s.id, s.ifMatch])).toEqual([
      ["a", 2],
      ["s", 3],
    ]);
    const third = bench(await openOutbox(factory, "p"));
    await third.sync.start();
    expect(third.marks.at(-1)).toEqual({ state: "saved", waiting: 0 });
  });

  it("a conflict stops its image only, and keeps what waits", async () => {
    const b = bench();
    await b.sync.start();
    b.answer.fail = new ApiError(409, null, "changed");
    await b.sync.put(1, "/images/1/actions", { id: "a" });
    await settled();
    b.answer.fail = null;
    await b.sync.put(1, "/images/1/actions", { id: "b" });
    await b.sync.put(2, "/images/2/actions", { id: "c" });
    await settled();
    expect(b.sent.map((s) => s.id)).toEqual(["c"]);
    expect(b.conflicts).toHaveLength(1);
    expect(b.sync.waitingFor(1).map((w) => w.body.id)).toEqual(["a", "b"]);
    expect(b.marks.at(-1)?.state).toBe("conflict");
    await b.sync.resolve(1, 9);
    await b.sync.put(1, "/images/1/actions", { id: "mine" });
    await settled();
    expect(b.sent.at(-1)).toMatchObject({ id: "mine", ifMatch: 9 });
    expect(b.marks.at(-1)?.state).toBe("saved");
  });

  it("what the server refuses for good is told and does not block the rest", async () => {
    const b = bench();
    await b.sync.start();
    b.answer.fail = new ApiError(422, null, "outside the image");
    await b.sync.put(1, "/images/1/actions", { id: "a" });
    await settled();
    b.answer.fail = null;
    await b.sync.put(1, "/images/1/actions", { id: "b" });
    await settled();
    expect(b.refused.map((w) => w.body.id)).toEqual(["a"]);
    expect(b.sent.map((s) => s.id)).toEqual(["b"]);
  });
});
