import { expect, it } from "vitest";
import { challenge } from "@/test/fixtures";
import { filterChallenges, groupByCategory } from "./filter";

const list = [
  challenge({ id: "c", name: "Zebra", category: "web" }),
  challenge({ id: "b", name: "Apple", category: "web", description: "Über alles" }),
  challenge({ id: "a", name: "Loose", category: " " }),
  challenge({ id: "d", name: "Stack", category: "pwn" }),
];
const ids = (q: string, category = "") => filterChallenges(list, { q, category }).map((found) => found.id);

it("wants every word, in any case and order", () => {
  expect(ids("  WEB zeb ")).toEqual(["c"]);
  expect(ids("über")).toEqual(["b"]);
  expect(ids("web stack")).toEqual([]);
  expect(ids("")).toHaveLength(4);
});

it("keeps to a category, and knows those without one as Other", () => {
  expect(ids("", "pwn")).toEqual(["d"]);
  expect(ids("", "Other")).toEqual(["a"]);
});

it("sorts categories and challenges by name, those without a category last", () => {
  const groups = groupByCategory(list).map((group) => [group.category, group.challenges.map((one) => one.name)]);
  expect(groups).toEqual([
    ["pwn", ["Stack"]],
    ["web", ["Apple", "Zebra"]],
    ["Other", ["Loose"]],
  ]);
});
