import { expect, test } from "vitest";
import { localPath } from "./next";

test.each([
  [undefined, "/"],
  ["", "/"],
  ["/", "/"],
  ["/?q=web", "/?q=web"],
  ["/auth/instance?host=a.b&nonce=c&path=%2F", "/auth/instance?host=a.b&nonce=c&path=%2F"],
  ["//evil.example", "/"],
  ["/\\evil.example", "/"],
  ["/\t/evil.example", "/"],
  ["https://evil.example/", "/"],
  ["javascript:alert(1)", "/"],
  ["evil", "/"],
])("after signing in %s leads to %s", (next, want) => {
  expect(localPath(next)).toBe(want);
});
