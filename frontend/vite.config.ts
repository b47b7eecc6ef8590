import { fileURLToPath } from "node:url";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// What the sidecar answers itself; everything else on its host is this build.
const api = ["/challenges", "/instances", "/events", "/me", "/config", "/health", "/auth"];

const sidecar = process.env.WHALEY_API ?? "http://127.0.0.1:8000";

export default defineConfig({
  plugins: [react(), tailwindcss()],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  server: { proxy: Object.fromEntries(api.map((path) => [path, { target: sidecar }])) },
  build: {
    outDir: "../sidecar/internal/web/dist",
    emptyOutDir: true, // public/.gitkeep puts the committed one back
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
  },
});
