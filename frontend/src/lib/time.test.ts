import { expect, it } from "vitest";
import { formatClock, formatSpan, isoDuration } from "./time";

it.each([
  [-3, "0:00"],
  [0.2, "0:01"],
  [65, "1:05"],
  [3600, "1:00:00"],
  [90_061, "1 d 1:01:01"],
])("counts %d seconds down as %s", (seconds, shown) => {
  expect(formatClock(seconds)).toBe(shown);
});

it.each([
  [45, "45 s"],
  [60, "1 min"],
  [1800, "30 min"],
  [3600, "1 h"],
  [5400, "1 h 30 min"],
  [86_400, "1 d"],
  [187_200, "2 d 4 h"],
])("calls %d seconds %s", (seconds, shown) => {
  expect(formatSpan(seconds)).toBe(shown);
});

it("writes a duration for machines", () => {
  expect(isoDuration(61.5)).toBe("PT62S");
});
