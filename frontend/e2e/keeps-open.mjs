// A player's browser that keeps an instance open: node keeps-open.mjs, with ADDRESS. It loads the page, lets it ask for itself again
// and again until standard input ends, and prints how many answers there were. It fails when one was none.
import { chromium } from "@playwright/test";

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
});
const page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage();
await page.goto(`${process.env.ADDRESS}/`);
let over = false;
process.stdin.on("end", () => {
  over = true;
});
process.stdin.resume();
console.log("open");
let answers = 0;
while (!over) {
  const status = await page.evaluate(() =>
    fetch("/", { cache: "no-store" }).then(
      (r) => r.status,
      (error) => `${error}`,
    ),
  );
  if (status !== 200) {
    console.log(`after ${answers} answers: ${status}`);
    process.exitCode = 1;
    break;
  }
  answers += 1;
}
console.log(`${answers} answers in the browser`);
await browser.close();
