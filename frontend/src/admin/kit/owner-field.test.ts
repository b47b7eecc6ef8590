import { expect, test } from "vitest";
import { ownerOf } from "./owner-field";

const owners = [
  { id: "team_4", name: "Red Pandas" },
  { id: "team_7", name: "Twins" },
  { id: "team_8", name: "Twins" },
];

test.each([
  ["Red Pandas", "team_4"],
  [" red pandas ", "team_4"],
  ["Red Pandas (team_4)", "team_4"],
  ["Twins (team_8)", "team_8"],
  ["Twins", "Twins"], // which of them is not known
  ["team_9", "team_9"],
  ["", ""],
])("%s means %s", (typed, owner) => {
  expect(ownerOf(typed, owners)).toBe(owner);
});
