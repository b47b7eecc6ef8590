import { spawn } from "node:child_process";
import { mkdirSync, openSync, writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { BrowserContext } from "@playwright/test";
import type { CTFd } from "./ctfd";

const results = fileURLToPath(new URL("../test-results", import.meta.url));
const server = fileURLToPath(new URL("../../integrations/ctfd/stub/server.py", import.meta.url));

/** The plugin as it is installed in CTFd, on CTFd's own framework. */
export type Plugin = { url: string; stop: () => void };

/** Starts it beside a sidecar, with its log in test-results, knowing the team of Ada and the challenge as the CTFd of the tests has them. */
export async function startPlugin(sidecar: string, key: string, ctfd: CTFd, team: number): Promise<Plugin> {
  mkdirSync(results, { recursive: true });
  const log = openSync(`${results}/plugin.log`, "w");
  const child = spawn("/usr/bin/python3", ["-B", server], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: "/usr/bin:/bin", WHALEY_URL: sidecar, WHALEY_KEY: key },
  });
  child.stderr.on("data", (printed: Buffer) => writeSync(log, printed));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const url = `http://127.0.0.1:${String((await lines.next()).value).trim()}`;
  const change = (model: string, fields: object) =>
    fetch(`${url}/test/change/${model}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(fields),
    });
  await change("Configs", { id: 1, key: "user_mode", value: "teams" });
  await change("Teams", { id: team, name: "Red Pandas" });
  await change("Users", { id: ctfd.accounts.Ada, name: "Ada", team_id: team });
  await change("Challenges", { id: ctfd.challenge, name: "Shared" });
  return { url, stop: () => child.kill() };
}

/** Has what a browser asks of the plugin, on CTFd's own origin, answered by it for an account. */
export async function install(plugin: Plugin, context: BrowserContext, ctfd: CTFd, account: number): Promise<void> {
  const answer = await fetch(`${plugin.url}/test/login/${account}`, { method: "POST" });
  const cookie = answer.headers.getSetCookie().map((one) => one.split(";")[0]);
  await context.route(`${ctfd.url}/plugins/whaley/**`, async (route) => {
    const request = route.request();
    const { pathname, search } = new URL(request.url());
    const answered = await route.fetch({
      url: plugin.url + pathname + search,
      maxRedirects: 0,
      headers: {
        "Content-Type": "application/json",
        "CSRF-Token": `nonce-${account}`,
        Cookie: cookie.join("; "),
      },
    });
    const to = answered.headers().location;
    if (!to) return route.fulfill({ response: answered });
    // A redirect in an answer that is put in place of another is not every browser's: the page goes there itself.
    await route.fulfill({ contentType: "text/html", body: `<script>location.replace(${JSON.stringify(to)})</script>` });
  });
}
