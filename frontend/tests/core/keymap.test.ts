import { describe, expect, it } from "vitest";
import { COMMANDS, chord, commandOf, defaults, load, rebind, refusal, save } from "../../src/core/keymap";

const press = (key: string, mods = "") => ({
  key,
  ctrlKey: mods.includes("c"),
  metaKey: mods.includes("m"),
  shiftKey: mods.includes("s"),
  altKey: mods.includes("a"),
});

describe("chords", () => {
  it.each([
    ["w", "", "W"],
    ["W", "s", "Shift+W"],
    [" ", "", "Space"],
    ["?", "s", "?"],
    ["z", "c", "Ctrl+Z"],
    ["Z", "cs", "Ctrl+Shift+Z"],
    ["z", "m", "Ctrl+Z"],
    ["Tab", "s", "Shift+Tab"],
    ["x", "a", ""],
    ["Shift", "s", ""],
  ])("%s with %s is %s", (key, mods, words) => {
    expect(chord(press(key, mods))).toBe(words);
  });
});

describe("bindings", () => {
  it("no key does two things", () => {
    const all = COMMANDS.flatMap((command) => command.keys);
    expect(new Set(all).size).toBe(all.length);
    expect(all.filter((keys) => refusal(keys) !== null)).toEqual([]);
  });

  it("a remapped key leaves the command that had it", () => {
    const next = rebind(defaults(), "box", "E");
    expect(commandOf(next, "E")).toBe("box");
    expect(next.extreme).toEqual([]);
    expect(commandOf(next, "W")).toBeNull();
  });

  it("are kept, and broken storage gives the defaults", () => {
    const kept = new Map<string, string>();
    const storage = {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => void kept.set(key, value),
    };
    save(storage, rebind(defaults(), "flag", "Q"));
    expect(commandOf(load(storage), "Q")).toBe("flag");
    expect(load({ getItem: () => "{not json" })).toEqual(defaults());
    expect(load({ getItem: () => '{"flag": 3, "nobody": ["K"]}' })).toEqual(defaults());
  });

  it("browser keys, digits and arrows are refused", () => {
    for (const keys of ["Ctrl+W", "5", "ArrowLeft", ""]) expect(refusal(keys)).not.toBeNull();
  });
});
