/** A stand-in for the server, for looking at the pages: `npx vite --mode mock`. Keeps everything in memory.
 *
 * FIRSTPASS_MOCK_IMAGES names a folder of JPEG or PNG images. `#/review/1` has a few objects, image 2 a thousand.
 */

import { readdirSync, readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import type { Plugin } from "vite";
import type { Action, DeskObject, DeskRecord, QueueItem } from "../src/core/types";

const CLASSES = [
  { name: "RBC", color: "#E69F00" },
  { name: "WBC", color: "#56B4E9" },
  { name: "Platelets", color: "#009E73" },
];

/** Width and height from a PNG or JPEG header. */
function sizeOf(bytes: Buffer): [number, number] {
  if (bytes[0] === 0x89) return [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
  let at = 2;
  while (at < bytes.length) {
    const marker = bytes[at + 1] ?? 0;
    if (marker >= 0xc0 && marker <= 0xc2) return [bytes.readUInt16BE(at + 7), bytes.readUInt16BE(at + 5)];
    at += 2 + bytes.readUInt16BE(at + 2);
  }
  return [1, 1];
}

let seed = 7;
function random(): number {
  seed = (seed * 1103515245 + 12345) % 2147483648;
  return seed / 2147483648;
}

function box(i: number, w: number, h: number, side: number): DeskObject {
  const x = random() * (w - side);
  const y = random() * (h - side);
  const xyxy: [number, number, number, number] = [x, y, x + side * (0.6 + random() * 0.4), y + side * 0.9];
  const shape = { type: "box" as const, xyxy_px: xyxy };
  const class_name = CLASSES[i % 3]?.name ?? "RBC";
  return {
    id: `o${i}`,
    class_name,
    shape,
    score: Math.round(random() * 100) / 100,
    text: null,
    attributes: {},
  };
}

function mask(w: number, h: number): DeskObject {
  const run = 60;
  const runs = [h * 100 + 50, run];
  for (let i = 0; i < 60; i++) runs.push(h - run, run);
  const used = runs.reduce((a, b) => a + b, 0);
  runs.push(w * h - used);
  const shape = { type: "mask" as const, height_px: h, width_px: w, counts: plainCounts(runs) };
  return { id: "m1", class_name: "WBC", shape, score: 0.55, text: null, attributes: {} };
}

function plainCounts(runs: number[]): string {
  let out = "";
  runs.forEach((run, i) => {
    let value = i > 2 ? run - (runs[i - 2] ?? 0) : run;
    let more = true;
    while (more) {
      let code = value & 31;
      value >>= 5;
      more = (code & 16) !== 0 ? value !== -1 : value !== 0;
      if (more) code |= 32;
      out += String.fromCharCode(code + 48);
    }
  });
  return out;
}

function recordOf(key: number, name: string, bytes: Buffer): DeskRecord {
  const [w, h] = sizeOf(bytes);
  const count = key === 2 ? 1000 : 12;
  const objects = Array.from({ length: count }, (_, i) => box(i, w, h, key === 2 ? 24 : 90));
  if (key === 1 && w > 200) objects.push(mask(w, h));
  const hidden = objects.filter((o) => (o.score ?? 1) < 0.2);
  return {
    image: { key, name, width_px: w, height_px: h },
    metadata: { microscope: "A", magnification: "100" },
    version: 0,
    status: "open",
    objects: objects.filter((o) => (o.score ?? 1) >= 0.2),
    hidden,
    tags: [{ name: "smear", kind: "class", text: null, score: 0.7, attributes: {} }],
    proposals_layer: "prelabel",
    proposed_by: "mock detector",
    why: "Two objects are close to the threshold.",
    flag: "",
    reason: "",
    history: [],
    refused: [],
    lease: null,
  };
}

class MockDesk {
  private readonly files: string[];
  private readonly bytes: Buffer[];
  private readonly records: DeskRecord[];

  constructor(folder: string) {
    this.files = readdirSync(folder)
      .filter((name) => /\.(jpe?g|png)$/i.test(name))
      .sort()
      .slice(0, 40);
    this.bytes = this.files.map((name) => readFileSync(join(folder, name)));
    this.records = this.files.map((name, i) => recordOf(i + 1, name, this.bytes[i] ?? Buffer.alloc(0)));
  }

  get(path: string): unknown {
    if (path === "/session")
      return {
        user: { name: "ana", role: "expert" },
        project: { name: "blood" },
        csrf: "x",
        version: "0",
      };
    if (path === "/project") {
      const classes = CLASSES.map((c) => ({ ...c, phrases: [], guide: "", attributes: [] }));
      return { name: "blood", classes, thresholds: {}, image_count: this.files.length, promptable: ["mock"] };
    }
    if (path.startsWith("/queue")) return this.queue();
    const record = /^\/images\/(\d+)$/.exec(path);
    return record ? this.records[Number(record[1]) - 1] : null;
  }

  private queue() {
    const items: QueueItem[] = this.records.map((r) => ({
      image: r.image,
      why: r.why,
      strategy: "mock",
      state: r.flag ? "flagged" : r.status === "open" ? (r.version ? "open" : "todo") : r.status,
      leased_by: null,
    }));
    return { items, total: items.length, done: items.filter((i) => i.state === "submitted").length };
  }

  picture(key: number): [Buffer, string] {
    const name = this.files[key - 1] ?? "";
    return [this.bytes[key - 1] ?? Buffer.alloc(0), name.endsWith("png") ? "image/png" : "image/jpeg"];
  }

  post(key: number, verb: string, body: unknown, match: number): [number, unknown] {
    const record = this.records[key - 1];
    if (!record) return [404, { error: { what: "No such image.", expected: "", remedy: "" } }];
    if (verb === "lease") return [200, { holder: "ana", until: new Date().toISOString(), mine: true }];
    if (verb === "segment") {
      const shape = mask(record.image.width_px, record.image.height_px).shape;
      return [200, { shape, score: 0.9, milliseconds: 12 }];
    }
    if (match !== record.version) {
      return [409, { error: { what: "Changed meanwhile.", expected: "", remedy: "" }, current: record }];
    }
    record.version += 1;
    if (verb === "actions") this.act(record, body as Action);
    if (verb === "submit") record.status = "submitted";
    if (verb === "skip") record.status = "skipped";
    if (verb === "reopen") record.status = "open";
    if (verb === "flag") record.flag = (body as { note: string }).note;
    return [200, { version: record.version, status: record.status }];
  }

  private act(record: DeskRecord, action: Action): void {
    const after = new Map(action.changes.map((c) => [c.object_id, c.after]));
    const kept = record.objects.flatMap((o) => {
      const next = after.get(o.id);
      after.delete(o.id);
      return next === undefined ? [o] : next === null ? [] : [next];
    });
    record.objects = [...kept, ...[...after.values()].filter((o) => o !== null)];
    if (action.tags) record.tags = action.tags.after;
    record.history.push({ ...action, author: "ana" });
  }
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return parts.length > 0 ? JSON.parse(Buffer.concat(parts).toString("utf8")) : null;
}

async function answer(desk: MockDesk, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = (request.url ?? "").replace("/api/v1", "");
  const picture = /^\/images\/(\d+)\/picture/.exec(path);
  if (picture) {
    const [bytes, type] = desk.picture(Number(picture[1]));
    response.setHeader("Content-Type", type);
    response.end(bytes);
    return;
  }
  response.setHeader("Content-Type", "application/json");
  if (request.method === "GET") {
    response.end(JSON.stringify(desk.get(path)));
    return;
  }
  const post = /^\/images\/(\d+)\/(\w+)$/.exec(path);
  const match = Number((request.headers["if-match"] ?? "0").replaceAll('"', ""));
  const [status, value] = post
    ? desk.post(Number(post[1]), post[2] ?? "", await bodyOf(request), match)
    : [404, { error: { what: "Not in the mock.", expected: "", remedy: "" } }];
  response.statusCode = status;
  response.end(JSON.stringify(value));
}

export function mockDesk(): Plugin {
  const desk = new MockDesk(process.env.FIRSTPASS_MOCK_IMAGES ?? ".");
  return {
    name: "firstpass-mock-desk",
    configureServer(server) {
      server.middlewares.use((request, response, next) => {
        if (request.url?.startsWith("/api/v1")) void answer(desk, request, response);
        else next();
      });
    },
    configurePreviewServer(server) {
      server.middlewares.use((request, response, next) => {
        if (request.url?.startsWith("/api/v1")) void answer(desk, request, response);
        else next();
      });
    },
  };
}
