import { HttpResponse, http } from "msw";
import { setupServer } from "msw/node";
import type { Challenge, Config, Instance, Me, ScoreboardEvent } from "@/api/types";
import { challenge, config, me, snapshot } from "./fixtures";

/** The sidecar as the tests have it. */
export const server = setupServer();

const always: ScoreboardEvent = { begins_at: null, ends_at: null, paused: false };

type Held = {
  challenges: Challenge[];
  instances: Instance[];
  event: ScoreboardEvent;
  me: Me;
  config: Config;
  /** How often the page has asked for the instances. */
  asked: number;
  /** How far the server's clock is ahead of the test, in seconds. */
  seconds: number;
};

/** Makes the sidecar know challenges and hold instances. What it holds may be changed while the test runs. */
export function serve({ challenges = [challenge()], instances = [] as Instance[], event = always } = {}): Held {
  const held: Held = { challenges, instances, event, me, config, asked: 0, seconds: 0 };
  const begun = Date.now();
  server.use(
    http.get("*/challenges", () => HttpResponse.json({ challenges: held.challenges, event: held.event })),
    http.get("*/me", () => HttpResponse.json(held.me)),
    http.get("*/config", () => HttpResponse.json(held.config)),
    http.get("*/instances", () => {
      held.asked += 1;
      return HttpResponse.json(snapshot(held.instances, held.seconds + (Date.now() - begun) / 1000));
    }),
  );
  return held;
}

/** An RFC 9457 answer. */
export function problem(status: number, code: string, detail: string, retryAfter = 0) {
  return HttpResponse.json(
    { type: "about:blank", title: code, status, code, detail, ...(retryAfter > 0 && { retry_after: retryAfter }) },
    { status, headers: { "Content-Type": "application/problem+json" } },
  );
}
