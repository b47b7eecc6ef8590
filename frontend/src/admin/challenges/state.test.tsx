import { render } from "@testing-library/react";
import { expect, test } from "vitest";
import type { AdminChallenge } from "@/api/admin";
import { ChallengeState } from "./state";

const good = { loaded: true, active: true, current: true, images: "ready", unbuilt: "" } as AdminChallenge;

test.each<[string, Partial<AdminChallenge>, string[]]>([
  ["as it should be", {}, ["Open"]],
  ["closed", { active: false }, ["Closed"]],
  ["never good", { loaded: false }, ["Broken"]],
  ["its images are being made", { images: "building" }, ["Open", "Building images"]],
  ["its images failed, and none were made before", { images: "failed" }, ["Open", "Images failed"]],
  [
    "its newest images failed, and players go on with the last good ones",
    { current: false, unbuilt: "0a1b2c3d" },
    ["Open", "Newest revision failed"],
  ],
  ["its files are wrong", { current: false }, ["Open", "Files have problems"]],
])("a challenge that is %s says so", (_, differs, said) => {
  const { container } = render(<ChallengeState challenge={{ ...good, ...differs }} />);
  expect(container).toHaveTextContent(new RegExp(`^${said.join("")}$`));
});
