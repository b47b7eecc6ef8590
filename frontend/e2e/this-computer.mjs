// Opens addresses that `make run` printed as the person at this computer does: in a browser that resolves them by itself.
// The first is the dashboard's, and behind each other one comes what its page has to say. Prints what each page says, in lines of JSON. sidecar/system starts everything and runs this.
import { chromium } from "@playwright/test";

const [dashboard, ...pages] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
});

// Chromium breaks off what it loads when a network of its machine comes or goes, as those of instances do.
async function open(page, address) {
  for (;;) {
    try {
      return await page.goto(address);
    } catch (problem) {
      if (!`${problem}`.includes("ERR_NETWORK_CHANGED") && !`${problem}`.includes("ERR_ABORTED")) throw problem;
    }
  }
}

try {
  const page = await browser.newPage();
  for (let n = 0; n < pages.length; n += 2) {
    const [address, text] = pages.slice(n);
    const answer = await open(page, address);
    const from = await answer.serverAddr();
    await page.getByText(text).first().waitFor({ timeout: 90_000 });
    console.log(JSON.stringify({ address, from: from.ipAddress, text: await page.textContent("body") }));
  }
  await open(page, dashboard);
  await page.getByText("Playing as").waitFor({ timeout: 30_000 });
  await page.getByText("running", { exact: false }).first().waitFor({ timeout: 30_000 });
  console.log(JSON.stringify({ address: dashboard, text: await page.innerText("body") }));
} finally {
  await browser.close();
}
