import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { stopEverything } from "./api";
import { type Example, quick, slow, writeChallenges } from "./challenges";
import { adminKey } from "./key";

const sidecarFolder = fileURLToPath(new URL("../../sidecar", import.meta.url));
const binary = fileURLToPath(new URL("../node_modules/.cache/whaley", import.meta.url));
const results = fileURLToPath(new URL("../test-results", import.meta.url));

/** A sidecar of its own: own folders, own ports, own subnets. */
export type Sidecar = { api: string; dashboard: string; stop: () => Promise<void> };

type Options = {
  /** Settings besides those that every sidecar of the tests has. */
  env?: Record<string, string>;
  examples?: Example[];
  /** Of its log in test-results. */
  name?: string;
};

/** Builds the sidecar and starts it, with challenges and the embedded edge; its log is in test-results. */
export async function startSidecar({
  env = {},
  examples = [quick, slow],
  name = "sidecar",
}: Options = {}): Promise<Sidecar> {
  const log = join(results, `${name}.log`);
  mkdirSync(results, { recursive: true });
  execFileSync("go", ["build", "-o", binary, "./cmd/whaley"], { cwd: sidecarFolder, stdio: "inherit" });

  const folder = mkdtempSync(join(tmpdir(), "whaley-e2e-"));
  const challenges = join(folder, "challenges");
  const data = join(folder, "data");
  mkdirSync(data);
  writeChallenges(challenges, examples);

  const [listen, internal, edge, edgeTLS] = await freePorts(4);
  const api = `http://127.0.0.1:${listen}`;
  const dashboard = `http://whaley.localhost:${edge}`;
  const output = openSync(log, "w");
  const child = spawn(binary, [], {
    stdio: ["ignore", output, output],
    env: {
      ...process.env,
      DATA_DIR: data,
      CHALLENGES_DIR: challenges,
      EDGE: "embedded",
      LISTEN: `127.0.0.1:${listen}`,
      INTERNAL_LISTEN: `127.0.0.1:${internal}`,
      EDGE_LISTEN: `127.0.0.1:${edge}`,
      EDGE_TLS_LISTEN: `127.0.0.1:${edgeTLS}`,
      BASE_DOMAIN: "instances.localhost",
      DASHBOARD_URL: dashboard,
      ADMIN_KEY: adminKey,
      SUBNET_POOL: "10.198.0.0/24",
      WAITING: "0", // of each challenge one would be made that no page opens
      ...env,
      USER_RATE_LIMIT: "0",
      ADDRESS_RATE_LIMIT: "0",
    },
  });

  async function stop() {
    try {
      if (child.exitCode === null) await stopEverything(api);
    } finally {
      await terminate(child);
      rmSync(folder, { recursive: true, force: true });
    }
  }
  try {
    await ready(child, api, log);
  } catch (cause) {
    await stop().catch(() => {}); // what went wrong first is what counts
    throw cause;
  }
  return { api, dashboard, stop };
}

async function ready(child: ChildProcess, api: string, log: string): Promise<void> {
  const end = Date.now() + 120_000;
  while (child.exitCode === null && Date.now() < end) {
    const answer = await fetch(`${api}/health/ready`).catch(() => undefined);
    if (answer?.ok) return;
    await sleep(200);
  }
  throw new Error(`the sidecar did not become ready; the end of ${log}:\n${readFileSync(log, "utf8").slice(-4000)}`);
}

async function terminate(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  const forced = setTimeout(() => child.kill("SIGKILL"), 20_000);
  await gone;
  clearTimeout(forced);
}

/** Different ports that nobody listened on a moment ago, none of them one that the kernel takes for outgoing connections. */
async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = randomInt(61_000, 65_536);
    if (await isFree(port)) ports.add(port);
  }
  return [...ports];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((answer) => {
    const server = createServer();
    server.once("error", () => answer(false));
    server.listen(port, () => server.close(() => answer(true)));
  });
}
