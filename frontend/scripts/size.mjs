// Prints what a player's first visit downloads, compressed, and fails when the code outgrows its budget.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const budget = 150; // kB of script and style, gzip

const assets = fileURLToPath(new URL("../../sidecar/internal/web/dist/assets/", import.meta.url));
const kB = (bytes) => bytes / 1000;
let code = 0;
for (const name of readdirSync(assets).sort()) {
  if (!/\.(js|css)$/.test(name)) continue;
  const size = kB(gzipSync(readFileSync(join(assets, name)), { level: 9 }).length);
  code += size;
  console.log(`${name.padEnd(32)} ${size.toFixed(1).padStart(6)} kB gzip`);
}
console.log(`${"player_bundle_kb".padEnd(32)} ${code.toFixed(1).padStart(6)} of ${budget}`);
if (code > budget) process.exitCode = 1;
