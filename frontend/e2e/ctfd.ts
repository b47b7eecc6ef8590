import { execFileSync, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const sidecarFolder = fileURLToPath(new URL("../../sidecar", import.meta.url));
const binary = fileURLToPath(new URL("../node_modules/.cache/ctfd", import.meta.url));

/** A CTFd with the teams Red Pandas (Ada, Grace) and Blue Foxes (Mallory), and a challenge named Shared. */
export type CTFd = {
  url: string;
  /** An admin's token. */
  admin: string;
  /** The id of Shared. */
  challenge: number;
  /** The id of the Red Pandas. */
  pandas: number;
  tokens: Record<"Ada" | "Grace" | "Mallory", string>;
  /** What they fill into its sign-in, in the place of name and password. */
  accounts: Record<"Ada" | "Grace" | "Mallory", number>;
  stop: () => void;
};

/** Starts a CTFd that answers as the real one does. */
export async function startCTFd(): Promise<CTFd> {
  execFileSync("go", ["build", "-o", binary, "./internal/ctfd/ctfdtest/standalone"], {
    cwd: sidecarFolder,
    stdio: "inherit",
  });
  const child = spawn(binary, [], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();

  return {
    ...(JSON.parse(String((await lines.next()).value)) as Omit<CTFd, "stop">),
    stop: () => child.stdin.end(),
  };
}

/** Changes a setting of CTFd's, as an organiser does. */
export async function changeSetting(ctfd: CTFd, key: string, value: string): Promise<void> {
  const answer = await fetch(`${ctfd.url}/api/v1/configs`, {
    method: "PATCH",
    headers: { Authorization: `Token ${ctfd.admin}`, "Content-Type": "application/json" },
    body: JSON.stringify({ [key]: value }),
  });
  if (!answer.ok) throw new Error(`${key}: ${answer.status}`);
}

/** Submits a flag as a player does, and says what CTFd makes of it. */
export async function submit(ctfd: CTFd, name: keyof CTFd["tokens"], submission: string): Promise<string> {
  const answer = await fetch(`${ctfd.url}/api/v1/challenges/attempt`, {
    method: "POST",
    headers: { Authorization: `Token ${ctfd.tokens[name]}`, "Content-Type": "application/json" },
    body: JSON.stringify({ challenge_id: ctfd.challenge, submission }),
  });
  return ((await answer.json()) as { data: { status: string } }).data.status;
}
