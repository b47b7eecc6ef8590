import { setTimeout as sleep } from "node:timers/promises";
import type { components } from "../src/api/schema";

type Challenge = components["schemas"]["Challenge"];
type Instance = components["schemas"]["Instance"];

/** The sidecar's public API, asked by the same player as the browser: both are 127.0.0.1. */
export class Api {
  constructor(private readonly address: string) {}

  /** The address of a challenge's first route. */
  async addressOf(challenge: string): Promise<string> {
    const { routes } = await this.ask<Challenge>("GET", `/challenges/${challenge}`);
    if (!routes[0]) throw new Error(`${challenge} has no route`);
    return routes[0].url;
  }

  /** Starts a challenge and waits until it runs. */
  async start(challenge: string): Promise<void> {
    const { state } = await this.ask<Instance>("POST", "/instances/spawn?wait=60", { challenge_id: challenge });
    if (state !== "running") throw new Error(`${challenge} is ${state} after 60 s`);
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
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T;
  }
}
