import { afterEach, describe, expect, it } from "vitest";
import { asProblem, unwrap } from "@/api/client";
import { type Language, languages } from "./language";
import { detailOf, speakProblems, stageOf } from "./problems";

const others = Object.keys(languages).filter((code) => code !== "en") as Exclude<Language, "en">[];
const quota = { code: "quota_reached", detail: "You're using all 3.", values: ["3"] };

afterEach(() => speakProblems("en"));

describe.each(others)("in %s", (code) => {
  it("a problem is said by its code and values, not by its English detail", async () => {
    const { problems } = await import(`./languages/${code}.ts`);
    speakProblems(code, problems);
    expect(detailOf(quota)).toContain("3");
    expect(detailOf(quota)).not.toContain("You're");
    expect(detailOf({ ...quota, values: ["3", "Notes"] })).toContain("Notes");
    expect(stageOf("Starting services")).not.toBe("Starting services");
    expect(stageOf("Waiting for web to open port 80")).toMatch(/ web to open port 80$/);
    expect(detailOf({ code: "event_over", detail: "", values: ["2026-05-16T10:00:00Z"] })).toMatch(/2026/);
  });
});

it("what a language has no words or values for stays English", async () => {
  const { problems } = await import("./languages/de");
  speakProblems("de", problems);
  expect(detailOf({ code: "new_one", detail: "Something new." })).toBe("Something new.");
  expect(detailOf({ ...quota, values: [] })).toBe("You're using all 3.");
});

it("what the sidecar answers a call with comes in the page's language", async () => {
  const { problems } = await import("./languages/de");
  speakProblems("de", problems);
  const call = Promise.resolve({ error: quota, response: new Response("", { status: 429 }) });
  const problem = asProblem(await unwrap(call).catch((cause: unknown) => cause));
  expect(problem.detail).toMatch(/^Du nutzt alle 3 Instanzen/);
});
