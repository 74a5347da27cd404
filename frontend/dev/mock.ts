import type { Plugin } from "vite";

export function mockDesk(): Plugin {
  return { name: "firstpass-mock-desk" };
}
