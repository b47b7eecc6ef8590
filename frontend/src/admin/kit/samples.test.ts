import { expect, it } from "vitest";
import { ratesOf } from "../dashboard/usage";
import { Samples } from "./samples";

it("keeps one sample of a moment, and the last half hour", () => {
  const samples = new Samples<{ cpu: number }>();
  for (const at of [1, 1, 2]) samples.add("web", at, { cpu: at });
  expect(samples.of("web")).toEqual([
    { at: 1, cpu: 1 },
    { at: 2, cpu: 2 },
  ]);
  for (let at = 3; at < 1_000; at++) samples.add("web", at, { cpu: at });
  expect(samples.of("web")).toHaveLength(360);
  expect(samples.of("web").at(-1)).toEqual({ at: 999, cpu: 999 });
  expect(samples.of("db")).toEqual([]);
});

it("forgets the instance that came first once there are many", () => {
  const samples = new Samples<{ cpu: number }>();
  for (let n = 0; n <= 1_000; n++) samples.add(`instance ${n}`, 1, { cpu: n });
  expect([0, 1, 1_000].map((n) => samples.of(`instance ${n}`).length)).toEqual([0, 1, 1]);
});

it("makes rates of counters, also across a restart of the container", () => {
  const counted = [0, 5_000, 5_000, 2_000].map((received, index) => ({
    at: index * 5_000,
    received,
    sent: 0,
    cpu: 0,
    memory: 0,
  }));
  expect(ratesOf(counted, "received")).toEqual([null, 1_000, 0, 400]);
});
