// Prints what the two pages may download, compressed, and fails when the players' outgrows its budget: all of its script
// and style, whether it comes with the first visit or with a later click, but for the sentences of the languages.
import { readFileSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const budget = 150; // kB, gzip

const dist = fileURLToPath(new URL("../../sidecar/internal/web/dist/", import.meta.url));

/** What a build says of its files. It is read and removed: what remains is served. */
function takeManifest(name) {
  const manifest = JSON.parse(readFileSync(`${dist}${name}.json`, "utf8"));
  rmSync(`${dist}${name}.json`);
  return manifest;
}

/** Every file of script and style that a page may load, with the later ones when `later`. */
function files(manifest, key, later, found = new Set(), seen = new Set()) {
  if (seen.has(key)) return found;
  seen.add(key);
  if (/languages\/\w\w\.ts$|^_english-/.test(key)) return found; // whose size is that of the sentences
  const chunk = manifest[key];
  for (const name of [chunk.file, ...(chunk.css ?? [])]) if (/\.(js|css)$/.test(name)) found.add(name);
  for (const next of [...(chunk.imports ?? []), ...(later ? (chunk.dynamicImports ?? []) : [])])
    files(manifest, next, later, found, seen);
  return found;
}

const sizes = new Map();
function kB(name) {
  if (!sizes.has(name)) sizes.set(name, gzipSync(readFileSync(dist + name), { level: 9 }).length / 1000);
  return sizes.get(name);
}
const sum = (names) => [...names].reduce((total, name) => total + kB(name), 0);
const print = (name, value, note = "") =>
  console.log(`${name.padEnd(44)} ${value.toFixed(1).padStart(6)} kB gzip${note}`);

function report(name) {
  const manifest = takeManifest(name);
  const all = files(manifest, `${name}.html`, true);
  const first = files(manifest, `${name}.html`, false);
  console.log(`${name}.html`);
  for (const file of all) print(`  ${file}`, kB(file), first.has(file) ? "" : ", later");
  return { first: sum(first), all: sum(all) };
}

const player = report("index");
const admin = report("admin");
print("player_first_visit_kb", player.first);
print("player_bundle_kb", player.all, ` of ${budget}`);
print("admin_first_visit_kb", admin.first);
print("admin_bundle_kb", admin.all);
if (player.all > budget) process.exitCode = 1;
