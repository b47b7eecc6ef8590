import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

type Example = { id: string; name: string; heading: string; start: string };

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
  start: "sleep 7\nexec httpd -f -p 8080 -h /www",
};

/** Writes the challenges of the tests into a folder. Their content is always the same, so their images are built once. */
export function writeChallenges(folder: string): void {
  for (const { id, name, heading, start } of [quick, slow]) {
    const write = (file: string, content: string) => writeFileSync(join(folder, id, file), content);
    mkdirSync(join(folder, id, "www"), { recursive: true });
    write(
      "instance.toml",
      [
        `name = "${name}"`,
        'category = "web"',
        `description = "It is **${id}**."`,
        "timeout = 600",
        "[[routes]]",
        'service = "web"',
        "port = 8080",
        'type = "http"',
        "",
      ].join("\n"),
    );
    write("compose.yaml", "services:\n  web:\n    build: .\n");
    write("Dockerfile", 'FROM busybox:1.36\nCOPY www /www\nCOPY start.sh /start.sh\nCMD ["sh", "/start.sh"]\n');
    write("start.sh", `#!/bin/sh\n${start}\n`);
    write("www/index.html", `<!doctype html><html lang="en"><title>${name}</title><h1>${heading}</h1></html>\n`);
  }
}
