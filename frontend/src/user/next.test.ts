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
  ["/.//evil.example/phish", "/"],
  ["/x/..//evil.example", "/"],
  ["/%2e//evil.example", "/"],
  ["/./\\evil.example", "/"],
  ["https://evil.example/", "/"],
  ["javascript:alert(1)", "/"],
  ["evil", "/"],
  ["/login", "/"],
  ["/login?next=%2Flogin%3Fnext%3D%252F", "/"],
  ["/x/../login/", "/"],
  ["/loginform", "/loginform"],
])("after signing in %s leads to %s", (next, want) => {
  expect(localPath(next)).toBe(want);
});

// Every way to put four of these together: what separates, what a URL leaves out, what stands for a dot, and what a host consists of.
const pieces = ["/", "\\", ".", "%2e", "%2F", "\t", " ", "@", ":", "?", "#", "evil.example"];

function* spellings(length: number): Generator<string> {
  if (length === 0) yield "";
  else for (const rest of spellings(length - 1)) for (const piece of pieces) yield piece + rest;
}

test("no spelling leads to another host, however often it is read", () => {
  const origin = window.location.origin;
  const wrong: string[] = [];
  let kept = 0;
  for (const rest of spellings(4)) {
    const path = localPath(`/${rest}`);
    const once = URL.parse(path, origin);
    const twice = URL.parse(String(once && once.pathname + once.search + once.hash), origin);
    if (once?.origin !== origin || twice?.origin !== origin || !path.startsWith("/")) wrong.push(rest);
    if (path !== "/") kept++;
  }
  expect(wrong).toEqual([]);
  expect(kept).toBeGreaterThan(10_000); // what stays here is kept
}, 60_000);
