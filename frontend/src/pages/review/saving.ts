/** The outbox, the server and the save mark, wired together once for the whole desk. */

import { signal } from "@preact/signals";
import { type ApiError, api } from "../../core/api";
import { memoryOutbox, openOutbox, type Waiting } from "../../core/outbox";
import { saveMark } from "../../core/state";
import { Sync } from "../../core/sync";
import type { DeskRecord } from "../../core/types";

export interface Conflict {
  imageKey: number;
  current: DeskRecord;
  waiting: Waiting[];
}

export const conflicts = signal<Conflict[]>([]);
export const refusals = signal<{ item: Waiting; error: ApiError } | null>(null);
export interface Arrival {
  imageKey: number;
  version: number;
  /** Does the project's count of reviewed images change with it? */
  counts: boolean;
}
/** The image and version of the newest request that has arrived. */
export const arrived = signal<Arrival | null>(null);

async function onConflict(imageKey: number, current: DeskRecord | null, waiting: Waiting[]): Promise<void> {
  const record = current ?? (await api.get<DeskRecord>(`/images/${imageKey}`));
  conflicts.value = [
    ...conflicts.value.filter((other) => other.imageKey !== imageKey),
    { imageKey, current: record, waiting },
  ];
}

/** Opens the outbox (in memory where the browser has none) and sends what an earlier tab left. */
export async function openSync(projectName: string): Promise<Sync> {
  const outbox = await openOutbox(indexedDB, projectName).catch(() => memoryOutbox());
  const sync = new Sync(outbox, {
    send: (path, body, ifMatch) => api.post(path, body, { ifMatch }),
    mark: (mark) => {
      saveMark.value = mark;
    },
    conflict: (key, current, waiting) => void onConflict(key, current, waiting),
    refused: (item, error) => {
      refusals.value = { item, error };
    },
    arrived: (item, version) => {
      arrived.value = { imageKey: item.image_key, version, counts: !item.path.endsWith("/actions") };
    },
    later: (ms, run) => void setTimeout(run, ms),
  });
  window.addEventListener("online", () => sync.retry());
  await sync.start();
  return sync;
}
