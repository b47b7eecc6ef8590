// A player's browser that keeps an instance open, driven by lines on standard input. Each is answered by a line of JSON.
// sidecar/system starts everything and runs this, in a network namespace of its own: Chromium breaks off what it loads
// whenever a network of its machine comes or goes, which on the player's machine none does.
//
//   open <address>  loads the page: its status
//   watch           has the page ask for itself again and again, beside a websocket
//   seen            what came of that: answers, what failed, what the websocket still says
//   again           loads the page anew, as often as it takes: its status, and how many tries that were
import { createInterface } from "node:readline";
import { chromium } from "@playwright/test";

let browser;
let page;
const commands = {
  async open(address) {
    browser = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        `--host-resolver-rules=MAP * ${process.env.EDGE}`,
      ],
    });
    page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage();
    return { status: (await page.goto(address)).status() };
  },
  async watch() {
    await page.evaluate(async () => {
      const socket = new WebSocket(`wss://${location.host}/ws`);
      await new Promise((open, failed) => {
        socket.onopen = open;
        socket.onerror = () => failed(new Error("no websocket"));
      });
      const watch = { answers: 0, failed: [], over: false, socket };
      watch.ended = (async () => {
        while (!watch.over) {
          const status = await fetch("/", { cache: "no-store" }).then(
            (answer) => answer.status,
            (error) => `${error}`,
          );
          if (status === 200) watch.answers += 1;
          else watch.failed.push(status);
          await new Promise((next) => setTimeout(next, 20));
        }
      })();
      window.watch = watch;
    });
    return {};
  },
  async seen() {
    return await page.evaluate(async () => {
      const { watch } = window;
      watch.over = true;
      await watch.ended;
      const heard = await new Promise((done) => {
        watch.socket.onmessage = async ({ data }) => done(typeof data === "string" ? data : await data.text());
        watch.socket.onclose = ({ code }) => done(`closed with ${code}`);
        if (watch.socket.readyState === WebSocket.OPEN) watch.socket.send("still here");
        else done("closed before");
      });
      watch.socket.close();
      return { answers: watch.answers, failed: watch.failed, heard };
    });
  },
  async again() {
    for (let tries = 1; ; tries++) {
      try {
        const status = (await page.reload()).status();
        // Traefik says so of everything until it has read its routes.
        if (status !== 404 || tries === 100) return { status, tries };
      } catch (cause) {
        if (tries === 100) throw cause;
      }
      await new Promise((next) => setTimeout(next, 100));
    }
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const [command, ...rest] = line.split(" ");
  const answer = await commands[command](...rest).catch((cause) => ({ problem: `${cause}` }));
  console.log(JSON.stringify(answer));
}
await browser?.close();
