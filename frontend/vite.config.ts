import { fileURLToPath } from "node:url";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

// What the sidecar answers itself; everything else on its host is this build.
const api = ["/challenges", "/instances", "/event", "/events", "/me", "/config", "/health", "/auth", "/admin/api"];

const page = (name: string) => fileURLToPath(new URL(name, import.meta.url));

const sidecar = process.env.WHALEY_API ?? "http://127.0.0.1:8000";

/**
 * Leaves of marked what reads Markdown. What writes HTML is used nowhere, and nothing else would leave it out: the file
 * makes one of each as it loads.
 */
const lexerOnly: Plugin = {
  name: "lexer-only",
  transform(code, id) {
    if (!id.endsWith("/marked/lib/marked.esm.js")) return;
    const lexer = /[{,]([\w$]+) as Lexer[,}]/.exec(code)?.[1];
    const end = /;var ([\w$]+)=new [\w$]+;function ([\w$]+)\([\w$]+,[\w$]+\)\{return \1\.parse\(/.exec(code)?.index;
    if (!lexer || end === undefined)
      throw new Error("marked is made otherwise than before: mend lexerOnly in vite.config.ts");
    return { code: `${code.slice(0, end)};export{${lexer} as Lexer}`, map: null };
  },
};

// Two builds, one a page: what only organisers need of a library is then not in what players download.
export default defineConfig(({ mode }) => ({
  plugins: [react(), tailwindcss(), lexerOnly],
  resolve: { alias: { "@": page("./src") } },
  server: { proxy: Object.fromEntries(api.map((path) => [path, { target: sidecar }])) },
  build: {
    rolldownOptions: {
      input: page(mode === "admin" ? "admin.html" : "index.html"),
      output: { codeSplitting: { groups: [{ name: "english", test: /languages\/en\.ts$/ }] } },
    },
    manifest: mode === "admin" ? "admin.json" : "index.json", // scripts/size.mjs reads it, and removes it
    outDir: "../sidecar/internal/web/dist",
    emptyOutDir: mode !== "admin", // the second build adds to the first; public/.gitkeep puts the committed one back
    assetsInlineLimit: 0, // a data: address would need an exception in the Content-Security-Policy
    modulePreload: { polyfill: false },
    target: "es2022",
  },
  test: {
    environment: "jsdom",
    environmentOptions: { jsdom: { url: "http://whaley.localhost/" } },
    include: ["src/**/*.test.{ts,tsx}"],
    setupFiles: ["src/test/setup.ts"],
    restoreMocks: true,
    pool: "threads",
    isolate: false, // one window for all of a worker's files, which setup.ts leaves as it found it: less than half the time
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
}));
