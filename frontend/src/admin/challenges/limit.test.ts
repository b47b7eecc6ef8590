import { expect, test } from "vitest";
import { bytesOf } from "./limit";

const mib = 1 << 20;

test.each([
  ["", 0],
  ["384", 384 * mib],
  ["64m", 64 * mib],
  ["64M", 64 * mib],
  ["64 MiB", 64 * mib],
  ["1.5g", 1536 * mib],
  ["512k", mib / 2],
  ["0", undefined],
  ["-1", undefined],
  ["many", undefined],
  ["1e9", undefined],
])("%s is %s bytes", (typed, bytes) => {
  expect(bytesOf(typed)).toBe(bytes);
});
