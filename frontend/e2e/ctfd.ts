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
  tokens: Record<"Ada" | "Grace" | "Mallory", string>;
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
