/** Measured effort: active seconds per kind of action. A pause longer than 30 s is not counted. */

import type { EffortEntry } from "./types";

export const IDLE_MS = 30_000;

/** The server's names of priced actions (metrics.effort.Action). */
export type EffortAction =
  | "draw box"
  | "draw mask"
  | "draw point"
  | "verify"
  | "adjust"
  | "correct mask"
  | "change class"
  | "delete"
  | "verify tag"
  | "reject tag"
  | "choose tag";

/** Time since the last finished action goes to the next one; looking and thinking are part of the work. */
export class EffortTimer {
  private activeMs = 0;
  private last: number;
  private readonly entries = new Map<EffortAction, EffortEntry>();

  constructor(now: number) {
    this.last = now;
  }

  /** Any sign of life: a key, a pointer move. */
  activity(now: number): void {
    const gap = now - this.last;
    if (gap > 0 && gap <= IDLE_MS) this.activeMs += gap;
    this.last = now;
  }

  /** An action is finished: it takes all active time so far. Returns its seconds. */
  finish(action: EffortAction, now: number, count = 1): number {
    this.activity(now);
    const seconds = this.activeMs / 1000;
    this.activeMs = 0;
    const entry = this.entries.get(action) ?? { action, count: 0, seconds: 0 };
    this.entries.set(action, { action, count: entry.count + count, seconds: entry.seconds + seconds });
    return seconds;
  }

  /** All entries so far, seconds to the millisecond. */
  report(): EffortEntry[] {
    return [...this.entries.values()].map((e) => ({ ...e, seconds: Math.round(e.seconds * 1000) / 1000 }));
  }
}
