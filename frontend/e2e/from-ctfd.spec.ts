import { type BrowserContext, expect, type Page, test } from "@playwright/test";
import { shared } from "./challenges";
import { countClicks, opened } from "./clicks";
import { type CTFd, changeSetting, startCTFd } from "./ctfd";
import { everybodyCanUse } from "./look";
import { signIn } from "./organiser";
import { install, type Plugin, startPlugin } from "./plugin";
import { type Sidecar, startSidecar } from "./sidecar";

let ctfd: CTFd;
let sidecar: Sidecar;
let plugin: Plugin | undefined; // not before its own flow: whoever has it is signed in by it

const adapterKey = "a key of the plugin, of forty characters";
const themes = ["core", "core-deprecated"]; // Bootstrap 5 with Alpine, and Bootstrap 4 with jQuery

test.beforeAll(async () => {
  test.setTimeout(300_000); // two servers are built
  ctfd = await startCTFd();
  sidecar = await startSidecar({
    name: "sidecar-from-ctfd",
    examples: [shared],
    env: {
      AUTH_MODE: "ctfd",
      CTFD_URL: ctfd.url,
      CTFD_API_KEY: ctfd.admin,
      ADAPTER_KEY: adapterKey,
      SUBNET_POOL: "10.198.3.0/24",
    },
  });
});

test.afterAll(async () => {
  plugin?.stop();
  await sidecar?.stop();
  ctfd?.stop();
});

/** A browser in which Ada has signed in to CTFd, and nowhere else, and has opened the window of a challenge. */
async function inCTFd(context: BrowserContext) {
  const page = await context.newPage();
  await page.goto(`${ctfd.url}/login?next=/challenges`);
  await page.getByLabel("Account").fill(String(ctfd.accounts.Ada));
  await page.getByRole("button", { name: "Submit" }).click();
  await openWindow(page);
  return page;
}

async function openWindow(page: Page) {
  await page.getByRole("button", { name: shared.name }).click();
  await expect(page.getByRole("heading", { name: shared.name })).toBeVisible();
}

/** The player's instance, as the window shows it. */
const instanceIn = (page: Page) => page.getByRole("dialog").getByRole("group", { name: "Your instance" });

/** Stops what Ada's team has, in the window. */
async function stopIn(page: Page) {
  const mine = instanceIn(page);
  await mine.getByRole("button", { name: "Stop" }).click();
  await expect(mine.getByRole("status")).toHaveText("Not running", { timeout: 60_000 });
}

test("one click in CTFd leads to the player's own running instance, without a token copied by hand", async ({
  browser,
}) => {
  const organiser = await (await browser.newContext({ baseURL: sidecar.dashboard })).newPage();
  await signIn(organiser, "/flags?view=mappings");
  await organiser.getByRole("button", { name: "Link 1 exact match" }).click();
  await expect(organiser.getByText("Mapped", { exact: true })).toBeVisible();
  await everybodyCanUse(organiser, "admin-connect");
  await organiser.setViewportSize({ width: 1280, height: 800 });
  await organiser.getByRole("button", { name: "Connect CTFd" }).click();
  await expect(organiser.getByText("Connected", { exact: true })).toBeVisible();
  await organiser.getByRole("switch", { name: /challenge window/ }).click();
  await expect(organiser.getByRole("switch", { name: /challenge window/ })).toBeChecked();
  await everybodyCanUse(organiser, "admin-connected");

  const context = await browser.newContext();
  const page = await inCTFd(context);
  const tab = await opened(context, () => page.getByRole("link", { name: /\/go\/shared$/ }).click()); // the only click
  await expect(tab.getByText(shared.heading)).toBeVisible({ timeout: 60_000 });
  expect(tab.url()).toMatch(/^http:\/\/shared-[a-z2-7]{13}\.instances\.localhost:/);

  // In the challenge window: it runs, is stopped and started again there.
  const later = await context.newPage();
  await later.goto(`${ctfd.url}/challenges`);
  await openWindow(later);
  const mine = instanceIn(later);
  await expect(mine.getByRole("status")).toHaveText("Running");
  await expect(mine.getByRole("link")).toHaveAttribute("href", `${sidecar.dashboard}/go/shared`);
  await mine.getByRole("button", { name: "Stop" }).click();
  await expect(mine.getByRole("status")).toHaveText("Not running", { timeout: 60_000 });
  await mine.getByRole("button", { name: "Start" }).click();
  await expect(mine.getByRole("status")).toHaveText("Running", { timeout: 60_000 });
  await later.screenshot({ path: "test-results/pages/in-ctfd.png" });
  const again = await opened(context, () => later.locator(".challenge-connection-info a").click());
  await expect(again.getByText(shared.heading)).toBeVisible();

  await later.goto(`${sidecar.dashboard}/`);
  await later.getByRole("button", { name: "Sign out" }).click();
  await expect(later.getByRole("button", { name: "Sign in with CTFd" })).toBeVisible(); // and not in again by itself
  await everybodyCanUse(later, "login-with-ctfd");
  await later.goto(`${sidecar.dashboard}/login?by=token`);
  await everybodyCanUse(later, "login-by-token");
});

for (const [flows, theme] of ["AB", "C"].flatMap((some) => themes.map((theme) => [some, theme] as const))) {
  test(`from the challenge to the page of one's own instance it takes one click or two, by ${flows} in the theme ${theme}`, async ({
    browser,
  }) => {
    await changeSetting(ctfd, "ctf_theme", theme);
    const scripts = { A: "", B: `${sidecar.dashboard}/ctfd.js`, C: "/plugins/whaley/window.js" };
    for (const [flow, script] of Object.entries(scripts).filter(([one]) => flows.includes(one))) {
      await changeSetting(ctfd, "theme_header", script && `<script defer src="${script}"></script>`);
      const context = await browser.newContext();
      const clicks = await countClicks(context);
      if (flow === "C") {
        plugin ??= await startPlugin(sidecar.api, adapterKey, ctfd, ctfd.pandas);
        await install(plugin, context, ctfd, ctfd.accounts.Ada);
      }
      const page = await inCTFd(context);
      const mine = instanceIn(page);
      if (script) await expect(mine).toHaveCount(1); // and not once more for another link
      const open = async () => {
        const link = script ? mine.getByRole("link") : page.locator(".challenge-connection-info a");
        const tab = await opened(context, () => link.click());
        await expect(tab.getByText(shared.heading)).toBeVisible({ timeout: 60_000 });
        await tab.close();
      };
      const [first] = await clicks.during(async () => {
        if (script) await mine.getByRole("button", { name: "Start" }).click();
        await open();
      });
      const [later] = await clicks.during(open);
      const dashboard = new URL(sidecar.dashboard).hostname;
      for (const { domain } of await context.cookies()) {
        if (domain.endsWith("instances.localhost") && domain !== dashboard) await context.clearCookies({ domain });
      }
      const [tomorrow] = await clicks.during(open); // tickets are over, the sign-in is not
      const counted = `${first} clicks at first, ${later} later, ${tomorrow} after twelve hours`;
      process.stdout.write(`${theme}, flow ${flow}: ${counted}\n`);
      expect([first, later, tomorrow]).toEqual(script ? [2, 1, 1] : [1, 1, 1]);

      if (script) {
        // Opened again, the window is filled anew.
        await page.getByRole("button", { name: "Close" }).click();
        await openWindow(page);
        await expect(mine.getByRole("status")).toHaveText("Running");
        await stopIn(page);
      } else {
        await changeSetting(ctfd, "theme_header", `<script defer src="${sidecar.dashboard}/ctfd.js"></script>`);
        await page.reload();
        await openWindow(page);
        await stopIn(page);
      }
      await context.close();
    }
  });
}
