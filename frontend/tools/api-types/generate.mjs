// Writes src/api/schema.d.ts from the sidecar's openapi.yaml, or with --check says whether it is fresh.
// openapi-typescript needs TypeScript 5 while the frontend uses a newer one, so its packages are installed here.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const spec = fileURLToPath(new URL("../../../sidecar/openapi.yaml", import.meta.url));
const committed = fileURLToPath(new URL("../../src/api/schema.d.ts", import.meta.url));
const generator = join(here, "node_modules/openapi-typescript/bin/cli.js");

function generate(target) {
  if (!existsSync(generator)) {
    execFileSync("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], {
      cwd: here,
      stdio: "inherit",
    });
  }
  execFileSync(process.execPath, [generator, spec, "-o", target], {
    cwd: here,
    stdio: ["ignore", "ignore", "inherit"],
  });
}

if (process.argv.includes("--check")) {
  const folder = mkdtempSync(join(tmpdir(), "whaley-api-"));
  const fresh = join(folder, "schema.d.ts");
  try {
    generate(fresh);
    if (!existsSync(committed) || readFileSync(fresh, "utf8") !== readFileSync(committed, "utf8")) {
      console.error("src/api/schema.d.ts is older than sidecar/openapi.yaml: run npm run api");
      process.exitCode = 1;
    } else {
      console.log("src/api/schema.d.ts is fresh");
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
} else {
  generate(committed);
  console.log("wrote src/api/schema.d.ts");
}
