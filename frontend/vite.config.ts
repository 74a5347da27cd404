import preact from "@preact/preset-vite";
import { defineConfig } from "vite";
import { mockDesk } from "./dev/mock.ts";

/** Built for a strict content security policy: no inline script, no inline style, no polyfill. */
export default defineConfig(({ command, mode }) => ({
  base: "./",
  plugins: [preact(), command === "serve" && mode === "mock" ? mockDesk() : null],
  build: {
    outDir: "../src/firstpass/web/static",
    emptyOutDir: true,
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    target: "es2022",
    sourcemap: false,
  },
  server: { port: 5199 },
}));
