import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** A challenge of the tests. */
export type Example = {
  id: string;
  name: string;
  heading: string;
  start: string;
  /** Seconds that a copy runs; default: 600. */
  timeout?: number;
  /** Text with a placeholder flag, in /www/flag.txt. */
  flag?: string;
  /** What solves it, in the image of its service. */
  solve?: string;
};

/** Answers as soon as it is started. */
export const quick: Example = {
  id: "quick",
  name: "Quick",
  heading: "The quick one is here",
  start: "exec httpd -f -p 8080 -h /www",
};

/** Takes longer than a browser is held, so the waiting page is shown. */
export const slow: Example = {
  id: "slow",
  name: "Slow",
  heading: "The slow one is here",
  start: "sleep 12\nexec httpd -f -p 8080 -h /www",
};

/** Has a flag of its owner's own, and little time. */
export const shared: Example = {
  id: "shared",
  name: "Shared",
  heading: "The shared one is here",
  start: "exec httpd -f -p 8080 -h /www",
  timeout: 60,
  flag: "FLAG{placeholder}",
};

/** The files of a challenge by their paths; what it is like is always the same, so its image is built once. */
export function filesOf({ id, name, heading, start, timeout = 600, flag, solve }: Example): Record<string, string> {
  return {
    "instance.toml": [
      `id = "${id}"`,
      `name = "${name}"`,
      'category = "web"',
      `description = "It is **${id}**."`,
      `timeout = ${timeout}`,
      `extend_time = ${timeout / 2}`,
      "[[routes]]",
      'service = "web"',
      "port = 8080",
      'type = "http"',
      "",
    ].join("\n"),
    "compose.yaml": "services:\n  web:\n    build: .\n",
    Dockerfile: 'FROM busybox:1.36\nCOPY www /www\nCOPY start.sh /start.sh\nCMD ["sh", "/start.sh"]\n',
    "start.sh": `#!/bin/sh\n${start}\n`,
    ...(flag && { "www/flag.txt": `${flag}\n` }),
    ...(solve && { "solve.sh": `#!/bin/sh\n${solve}\n` }),
    "www/index.html": `<!doctype html><html lang="en"><title>${name}</title><h1>${heading}</h1></html>\n`,
  };
}

/** Comes as an archive, and says something in its log. */
export const uploaded: Example = {
  id: "uploaded",
  name: "Uploaded",
  heading: "The uploaded one is here",
  start: "echo it has begun\nexec httpd -f -p 8080 -h /www",
  flag: "FLAG{placeholder}",
  solve: 'wget -qO- "$1/flag.txt"',
};

/** Writes the challenges of the tests into a folder. */
export function writeChallenges(folder: string, examples: Example[]): void {
  for (const example of examples) {
    for (const [path, content] of Object.entries(filesOf(example))) {
      const file = join(folder, example.id, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content);
    }
  }
}
