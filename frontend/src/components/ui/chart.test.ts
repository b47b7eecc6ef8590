import { expect, it } from "vitest";
import { line, niceTop, powerOf2 } from "./chart";

it("ends its scale at a round number that no value exceeds", () => {
  expect([0, 1, 3, 11, 99, 0.3].map(niceTop)).toEqual([1, 1, 5, 20, 100, 0.5]);
  expect([0, 1, 3, 616 * 1024].map(powerOf2)).toEqual([1, 1, 4, 1024 * 1024]);
});

it("leaves a gap where nothing is known, and shows a value that stands alone", () => {
  expect(line([0, 10, null, 5], 30, 10, 10, 0)).toBe("M0.0 10.0L10.0 0.0M30.0 5.0h0.01");
});
