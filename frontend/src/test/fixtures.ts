import type { Challenge, Config, Instance, Me, Route, Snapshot } from "@/api/types";

/** The server's time at the start of every test; far from the clock of any machine that runs them. */
export const serverTime = Date.parse("2031-05-04T10:00:00Z");

/** A moment on the server's clock, in seconds from its start. */
export function at(seconds: number): string {
  return new Date(serverTime + seconds * 1000).toISOString();
}

export const webRoute: Route = {
  name: "",
  type: "http",
  host: "notes-q3k5x7m2p4a6c.instances.localhost",
  url: "http://notes-q3k5x7m2p4a6c.instances.localhost:8080/",
  hint: "",
  port: 0,
  wakes: true,
};

/** A challenge of the category web; what a test is about is given to it. */
export function challenge(given: Partial<Challenge> = {}): Challenge {
  return {
    id: "notes",
    name: "Notes",
    category: "web",
    description: "Read the **secret** note.",
    timeout: 3600,
    extend_time: 1800,
    access: "link",
    wake: true,
    closed: false,
    solved: false,
    opens_at: null,
    routes: [webRoute],
    instance: null,
    ...given,
  };
}

/** A running instance of challenge(), half an hour old. */
export function instance(given: Partial<Instance> = {}): Instance {
  return {
    id: "notes-p1-0a1b2c3d",
    challenge_id: "notes",
    challenge_name: "Notes",
    state: "running",
    stage: "",
    position: 0,
    estimate_ms: 0,
    owner: { id: "p1", name: "Ada" },
    routes: [webRoute],
    created_at: at(-1801),
    started_at: at(-1800),
    expires_at: at(1800),
    elapsed_ms: 1_801_000,
    extend: { step: 1800, from: at(0), left: 3600, allowed: true },
    problem: null,
    version: 3,
    flag_state: "",
    ...given,
  };
}

/** One on its way. */
export function startingInstance(given: Partial<Instance> = {}): Instance {
  return instance({
    state: "starting",
    stage: "Starting web",
    created_at: at(-5),
    started_at: null,
    expires_at: null,
    extend: { step: 0, from: null, left: 0, allowed: false },
    version: 2,
    ...given,
  });
}

/** What the server says of the player's instances, some seconds after its start. */
export function snapshot(instances: Instance[], seconds = 0): Snapshot {
  return { instances, now: at(seconds) };
}

export const me: Me = {
  user: { id: "p1", name: "Ada" },
  owner: { id: "p1", name: "Ada" },
  auth_mode: "none",
  team_mode: false,
  instances: 0,
  max_instances: 3,
};

export const config: Config = {
  auth_mode: "none",
  base_domain: "instances.localhost",
  dashboard_url: "http://whaley.localhost",
  ctfd_url: "",
  ctfd_sign_in: "",
  version: "test",
  notice: "",
};
