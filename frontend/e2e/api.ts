import { existsSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { components } from "../src/api/schema";

type Challenge = components["schemas"]["Challenge"];
type Instance = components["schemas"]["Instance"];

import { adminKey } from "./key";

/** The sidecar's public API, asked by the same player as the browser: both are 127.0.0.1. */
export class Api {
  constructor(private readonly address: string) {}

  /** The address of a challenge's first route. */
  async addressOf(challenge: string): Promise<string> {
    const { routes } = await this.ask<Challenge>("GET", `/challenges/${challenge}`);
    if (!routes[0]) throw new Error(`${challenge} has no route`);
    return routes[0].url;
  }

  /** Starts a challenge and waits until it runs, and until the machine's networks are settled. */
  async start(challenge: string): Promise<void> {
    const { state } = await this.ask<Instance>("POST", "/instances/spawn?wait=60", { challenge_id: challenge });
    if (state !== "running") throw new Error(`${challenge} is ${state} after 60 s`);
    await networksSettled();
  }

  /** Stops everything that the player has, and waits until it is gone. */
  async stopAll(): Promise<void> {
    const end = Date.now() + 60_000;
    for (;;) {
      const { instances } = await this.ask<{ instances: Instance[] }>("GET", "/instances");
      const live = instances.filter(({ state }) => state !== "stopped" && state !== "failed");
      if (live.length === 0) return;
      if (Date.now() > end) throw new Error(`still there: ${live.map(({ id, state }) => `${id} ${state}`).join(", ")}`);
      for (const { id, state } of live) {
        if (state !== "stopping") await this.ask("DELETE", `/instances/${id}`);
      }
      await sleep(200);
    }
  }

  private async ask<T>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await fetch(this.address + path, {
      method,
      ...(body !== undefined && { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }),
    });
    const overAlready = method === "DELETE" && answer.status === 409; // it ended between being listed and being stopped
    if (!answer.ok && !overAlready) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T;
  }
}

/**
 * Waits until none of this machine's addresses is tentative. An instance's network brings some, which the kernel takes into
 * use a second or two later, and Chromium breaks off what it loads at that moment.
 */
export async function networksSettled(): Promise<void> {
  const addresses = "/proc/net/if_inet6"; // the fifth column is what an address is like, in hexadecimal
  const tentative = 0x40;
  const end = Date.now() + 10_000; // others may make networks all the time
  while (existsSync(addresses) && Date.now() < end) {
    const lines = readFileSync(addresses, "utf8").trim().split("\n");
    if (!lines.some((line) => Number.parseInt(line.split(/\s+/)[4] ?? "", 16) & tentative)) return;
    await sleep(50);
  }
}

/** Stops all instances of everybody, as an organiser, and waits until they are gone. */
export async function stopEverything(address: string): Promise<void> {
  const end = Date.now() + 60_000;
  const ask = async (method: string, path: string) => {
    const answer = await fetch(address + path, { method, headers: { "X-Admin-Key": adminKey } });
    if (!answer.ok && answer.status !== 409)
      throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer;
  };
  for (;;) {
    const { instances } = (await (await ask("GET", "/admin/api/instances?state=live")).json()) as {
      instances: Instance[];
    };
    if (instances.length === 0) return;
    if (Date.now() > end)
      throw new Error(`still there: ${instances.map(({ id, state }) => `${id} ${state}`).join(", ")}`);
    for (const { id, state } of instances) if (state !== "stopping") await ask("DELETE", `/admin/api/instances/${id}`);
    await sleep(200);
  }
}
