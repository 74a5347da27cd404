/** Keys of the desk: commands, their default keys, remapping. Never Alt, never the browser's own. */

export interface Command {
  id: string;
  words: string;
  keys: string[];
}

export const COMMANDS: readonly Command[] = [
  { id: "accept-next", words: "Accept image as it is, next", keys: ["Space"] },
  { id: "submit-next", words: "Submit and next", keys: ["Enter"] },
  { id: "next-image", words: "Next image without submitting", keys: ["D"] },
  { id: "previous-image", words: "Previous image", keys: ["A"] },
  { id: "next-object", words: "Next object, least certain first", keys: ["Tab"] },
  { id: "previous-object", words: "Previous object", keys: ["Shift+Tab"] },
  { id: "accept-object", words: "Accept the object", keys: ["Y"] },
  { id: "delete", words: "Delete the object", keys: ["X", "Delete", "Backspace"] },
  { id: "palette", words: "Class by typing its name", keys: ["C"] },
  { id: "box", words: "Draw a box by dragging", keys: ["W"] },
  { id: "extreme", words: "Draw a box by four extreme clicks", keys: ["E"] },
  { id: "polygon", words: "Draw a polygon", keys: ["P"] },
  { id: "point", words: "Set points", keys: ["O"] },
  { id: "brush", words: "Brush", keys: ["B"] },
  { id: "eraser", words: "Eraser", keys: ["Shift+B"] },
  { id: "smaller", words: "Smaller brush, or hide the left panel", keys: ["["] },
  { id: "larger", words: "Larger brush, or hide the right panel", keys: ["]"] },
  { id: "magic", words: "Magic: click adds, Shift+click removes, drag a box", keys: ["M"] },
  { id: "mask-box", words: "Mask to box, or box to mask", keys: ["G"] },
  { id: "hide", words: "Hide all shapes while held", keys: ["H"] },
  { id: "zoom", words: "Zoom to the object, or fit", keys: ["Z"] },
  { id: "magnifier", words: "Magnifier on or off", keys: ["L"] },
  { id: "lower", words: "Lower the threshold", keys: [","] },
  { id: "raise", words: "Raise the threshold", keys: ["."] },
  { id: "undo", words: "Undo", keys: ["Ctrl+Z"] },
  { id: "redo", words: "Redo", keys: ["Ctrl+Shift+Z", "Ctrl+Y"] },
  { id: "flag", words: "Flag for a colleague, with a note", keys: ["F"] },
  { id: "skip", words: "Cannot tell: skip with a reason", keys: ["J"] },
  { id: "guide", words: "What the guide says about the class", keys: ["I"] },
  { id: "keys", words: "Show the keys", keys: ["?"] },
  { id: "cancel", words: "Cancel, or select nothing", keys: ["Escape"] },
];

export type Bindings = Record<string, string[]>;

export interface KeyPress {
  key: string;
  code?: string;
  ctrlKey: boolean;
  metaKey: boolean;
  shiftKey: boolean;
  altKey: boolean;
}

/** "Ctrl+Shift+Z", "?", "Space"; "" for a bare modifier or anything with Alt. Cmd counts as Ctrl. */
export function chord(event: KeyPress): string {
  if (event.altKey || ["Shift", "Control", "Meta", "Alt", "CapsLock", "Dead"].includes(event.key)) return "";
  let key = event.key === " " ? "Space" : event.key;
  const letter = key.length === 1 && key.toLowerCase() !== key.toUpperCase();
  if (letter) key = key.toUpperCase();
  const named = letter || key.length > 1;
  const ctrl = event.ctrlKey || event.metaKey ? "Ctrl+" : "";
  return `${ctrl}${event.shiftKey && named ? "Shift+" : ""}${key}`;
}

export function defaults(): Bindings {
  return Object.fromEntries(COMMANDS.map((command) => [command.id, [...command.keys]]));
}

/** Which command a chord runs. */
export function commandOf(bindings: Bindings, keys: string): string | null {
  for (const [id, chords] of Object.entries(bindings)) if (chords.includes(keys)) return id;
  return null;
}

const BROWSERS = new Set([
  "Ctrl+W",
  "Ctrl+T",
  "Ctrl+N",
  "Ctrl+R",
  "Ctrl+L",
  "Ctrl+Tab",
  "Ctrl+F",
  "Ctrl+P",
  "F5",
]);

/** Why a chord cannot be given to a command, or null when it can. Digits are the classes'. */
export function refusal(keys: string): string | null {
  if (!keys) return "Press one key, with Ctrl or Shift if you like.";
  if (BROWSERS.has(keys)) return `${keys} belongs to the browser.`;
  if (/^[0-9]$/.test(keys)) return "Digits choose classes.";
  if (/Arrow/.test(keys)) return "Arrows move the object.";
  return null;
}

/** New bindings where `id` has exactly `keys`; whoever had it loses it. */
export function rebind(bindings: Bindings, id: string, keys: string): Bindings {
  const next: Bindings = {};
  for (const [other, chords] of Object.entries(bindings)) {
    next[other] = other === id ? [keys] : chords.filter((c) => c !== keys);
  }
  return next;
}

const STORED = "firstpass.keys";

/** Bindings from storage over the defaults; broken or unknown entries are left out. */
export function load(storage: Pick<Storage, "getItem">): Bindings {
  const bindings = defaults();
  try {
    const stored: unknown = JSON.parse(storage.getItem(STORED) ?? "{}");
    for (const [id, chords] of Object.entries(stored as Record<string, unknown>)) {
      if (id in bindings && Array.isArray(chords) && chords.every((c) => typeof c === "string")) {
        bindings[id] = chords as string[];
      }
    }
  } catch {
    return defaults();
  }
  return bindings;
}

export function save(storage: Pick<Storage, "setItem">, bindings: Bindings): void {
  storage.setItem(STORED, JSON.stringify(bindings));
}
