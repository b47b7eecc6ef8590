import { expect, it } from "vitest";
import type { Setting } from "@/api/admin";
import { text } from "../text";
import { bySection, changed, faultOf } from "./draft";

function setting(given: Partial<Setting>): Setting {
  return {
    name: "MAX_INSTANCES",
    type: "int",
    section: "Instances",
    help: "Live instances at once",
    value: 5,
    default: 0,
    environment: 0,
    min: "0",
    max: "100",
    unit: "",
    choices: [],
    live: true,
    overridden: false,
    set: true,
    ignored: "",
    ...given,
  } as Setting;
}

it("takes for a change what differs from the saved value, and nothing else", () => {
  const most = setting({});
  expect(changed({}, most, "6")).toEqual({ MAX_INSTANCES: "6" });
  expect(changed({ MAX_INSTANCES: "6", OTHER: "x" }, most, "5")).toEqual({ OTHER: "x" });
  expect(changed({}, setting({ value: null, type: "text" }), "")).toEqual({});
});

it("takes every value of a secret for a change: what is saved is not known here", () => {
  const secret = setting({ name: "DISCORD_WEBHOOK_URL", type: "secret", value: null });
  expect(changed({}, secret, "")).toEqual({ DISCORD_WEBHOOK_URL: "" });
});

it.each([
  ["int", "7", true],
  ["int", "7.5", false],
  ["int", "-1", false],
  ["int", "101", false],
  ["duration", "", false],
  ["float", "0.5", true],
  ["float", "much", false],
  ["bytes", "48g", true],
  ["bytes", "512 MiB", true],
  ["bytes", "lots", false],
  ["url", "", true],
  ["url", "https://ctf.example.org", true],
  ["url", "ctf.example.org", false],
  ["text", "anything", true],
] as const)("says of %s %j whether it can be right", (type, value, right) => {
  expect(faultOf(setting({ type: type as Setting["type"] }), value, text.settings.fault) === undefined).toBe(right);
});

it("finds settings by all words of their name, section and help", () => {
  const all = [setting({}), setting({ name: "LOG_LEVEL", section: "Log", help: "How much is said" })];
  expect(bySection(all, "log said").map(({ section }) => section)).toEqual(["Log"]);
  expect(bySection(all, "").map(({ section }) => section)).toEqual(["Instances", "Log"]);
  expect(bySection(all, "log instances")).toEqual([]);
});
