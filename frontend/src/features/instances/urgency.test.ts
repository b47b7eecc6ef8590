import { expect, test } from "vitest";
import { at, instance, serverTime } from "@/test/fixtures";
import { secondsLeft, urgencyOf } from "./urgency";

test.each([
  [3600, "calm"],
  [301, "calm"],
  [300, "soon"],
  [61, "soon"],
  [60, "now"],
  [0, "now"],
])("with %d s left it is %s", (seconds, urgency) => {
  expect(urgencyOf(seconds)).toBe(urgency);
});

test("no clock shows more than an instance's whole time, or less than nothing", () => {
  const minute = instance({ started_at: at(0), expires_at: at(60.4) });
  expect(secondsLeft(minute, serverTime - 900)).toBe(60);
  expect(secondsLeft(minute, serverTime + 30_400)).toBe(30);
  expect(secondsLeft(minute, serverTime + 90_000)).toBe(0);
});
