import { expect, test } from "vitest";
import type { AdminChallenge } from "@/api/admin";
import { redNow } from "./red";

const good = { id: "web", name: "Notes", loaded: true, images: "ready", unbuilt: "" } as AdminChallenge;
const part = { at: "2031-05-04T10:00:00Z", spawned: 3, failed: 0, running: 2, median_ms: 1, slow_ms: 2 };
const well = {
  health: { status: "ok" as const, dependencies: [{ name: "database", status: "ok" as const, detail: "" }] },
  challenges: [good],
  lastHour: [{ ...part, failed: 9 }, part, part, part, part, part],
  notice: "",
};
const keys = (known: Parameters<typeof redNow>[0]) => redNow(known).map(({ key }) => key);

test("nothing is red where all is well, and nothing that is not known yet", () => {
  expect(keys(well)).toEqual([]);
  expect(keys({ health: undefined, challenges: undefined, lastHour: undefined, notice: undefined })).toEqual([]);
});

test("everything that needs an organiser is red, and leads to where it is seen to", () => {
  const red = redNow({
    health: {
      status: "degraded",
      dependencies: [
        { name: "database", status: "ok", detail: "" },
        { name: "redis", status: "failed", detail: "" },
        { name: "a new one", status: "failed", detail: "" },
      ],
    },
    challenges: [
      good,
      { ...good, id: "a b", images: "failed" },
      { ...good, id: "old", unbuilt: "0a1b" },
      { ...good, id: "broken", loaded: false, images: "" },
    ],
    lastHour: [{ ...part, failed: 9 }, part, part, { ...part, failed: 2 }, part, { ...part, failed: 1 }],
    notice: "Paused",
  });
  expect(red.map(({ key }) => key)).toEqual([
    "health redis",
    "health a new one",
    "build a b",
    "build old",
    "broken",
    "failures",
    "drain",
  ]);
  expect(red[0]?.says).toContain("Redis");
  expect(red[1]?.says).toContain("a new one");
  expect(red[2]?.to).toBe("/challenges/a%20b");
  expect(red[5]?.says).toContain("3");
});
