import { type Browser, expect, type Page, test } from "@playwright/test";
import { shared } from "./challenges";
import { type CTFd, startCTFd, submit } from "./ctfd";
import { everybodyCanUse } from "./look";
import { signIn } from "./organiser";
import { type Sidecar, startSidecar } from "./sidecar";

let ctfd: CTFd;
let sidecar: Sidecar;

test.beforeAll(async () => {
  test.setTimeout(300_000); // two servers are built
  ctfd = await startCTFd();
  sidecar = await startSidecar({
    name: "sidecar-with-ctfd",
    examples: [shared],
    env: {
      AUTH_MODE: "ctfd",
      CTFD_URL: ctfd.url,
      CTFD_PUBLIC_URL: "https://ctf.example.org",
      CTFD_API_KEY: ctfd.admin,
      SUBNET_POOL: "10.198.1.0/24",
    },
  });
});

test.afterAll(async () => {
  await sidecar?.stop();
  ctfd?.stop();
});

/** A browser of its own in which a player is signed in. */
async function browserOf(browser: Browser, name: keyof CTFd["tokens"]): Promise<Page> {
  const page = await (await browser.newContext({ baseURL: sidecar.dashboard })).newPage();
  await page.goto("/");
  await page.getByLabel("CTFd access token").fill(ctfd.tokens[name]);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Challenges" })).toBeVisible();
  await expect(page.getByText("Live", { exact: true })).toBeVisible();
  return page;
}

test("a wrong token is refused in words, and the page says where tokens are made", async ({ page }) => {
  await page.goto(`${sidecar.dashboard}/`);
  await expect(page.getByRole("link", { name: /Create a token in CTFd/ })).toHaveAttribute(
    "href",
    "https://ctf.example.org/settings", // where the sidecar reaches it is no way for players
  );
  await page.getByLabel("CTFd access token").fill("ctfd_nonsense");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("alert")).toBeVisible();
  await everybodyCanUse(page, "login");
});

test("two players of a team see one copy live: started, extended when its time has come, stopped", async ({
  browser,
}) => {
  test.slow(); // it waits for half-time, and looks at two views
  const [ada, grace] = [await browserOf(browser, "Ada"), await browserOf(browser, "Grace")];
  const cards = [ada, grace].map((page) => page.getByRole("article", { name: shared.name }));
  const [hers, theirs] = cards as [(typeof cards)[0], (typeof cards)[0]];
  await expect(hers.getByText("Shared with everyone in Red Pandas")).toBeVisible();

  await hers.getByRole("button", { name: "Start Shared" }).click();
  for (const card of cards) await expect(card.getByText("Running", { exact: true })).toBeVisible({ timeout: 60_000 });

  const extend = theirs.getByRole("button", { name: /^Extend Shared/ });
  await expect(extend).toHaveAttribute("aria-disabled", "true");
  await expect(theirs.getByText(/You can extend from/)).toBeVisible();
  await everybodyCanUse(grace, "dashboard-team");
  await expect(extend).not.toHaveAttribute("aria-disabled", { timeout: 45_000 });
  const before = await hers.locator("time").getAttribute("datetime");
  await extend.click();
  const seconds = (value: string | null) => Number(value?.replace(/\D/g, ""));
  await expect
    .poll(async () => seconds(await hers.locator("time").getAttribute("datetime")))
    .toBeGreaterThan(seconds(before));

  await theirs.getByRole("button", { name: "Stop Shared" }).click();
  await everybodyCanUse(grace, "dashboard-stop");
  await grace.getByRole("alertdialog").getByRole("button", { name: "Stop it" }).click();
  for (const card of cards) await expect(card.getByText("Stopped", { exact: true })).toBeVisible({ timeout: 60_000 });

  await ada.getByRole("button", { name: "Sign out" }).click();
  await expect(ada.getByRole("heading", { name: "Sign in" })).toBeVisible();
});

/** Starts the challenge in a player's browser, takes the flag that is in it, and stops it. */
async function flagOf(player: Page): Promise<string> {
  const card = player.getByRole("article", { name: shared.name });
  await card.getByRole("button", { name: "Start Shared" }).click();
  await expect(card.getByText("Running", { exact: true })).toBeVisible({ timeout: 60_000 });
  await expect(card.getByText("CTFd accepts your flag")).toBeVisible({ timeout: 20_000 });
  const address = await card.getByRole("link").getAttribute("href");
  const tab = await player.context().newPage();
  let flag = "";
  // Chromium breaks off what it loads whenever a network comes or goes, and an instance has one of its own.
  await expect(async () => {
    await tab.goto(`${address}/flag.txt`);
    flag = (await tab.textContent("body"))?.trim() ?? "";
    expect(flag).toMatch(/^FLAG\{placeholder_[0-9a-f]{16}\}$/);
  }).toPass({ timeout: 60_000 });
  await card.getByRole("button", { name: "Stop Shared" }).click();
  await player.getByRole("alertdialog").getByRole("button", { name: "Stop it" }).click();
  await expect(card.getByText("Stopped", { exact: true })).toBeVisible({ timeout: 60_000 });
  return flag;
}

test("an organiser maps a challenge, finds a team with another team's flag, and decides what it is", async ({
  browser,
}) => {
  test.setTimeout(300_000);
  const organiser = await (await browser.newContext({ baseURL: sidecar.dashboard })).newPage();
  await signIn(organiser, "/flags?view=mappings");
  await expect(organiser.getByText("Not mapped", { exact: true })).toBeVisible();
  await everybodyCanUse(organiser, "admin-flags-wizard");
  await organiser.setViewportSize({ width: 1280, height: 800 });
  await organiser.getByRole("button", { name: "Link 1 exact match" }).click();
  await expect(organiser.getByText("Mapped", { exact: true })).toBeVisible();

  const [ada, mallory] = [await browserOf(browser, "Ada"), await browserOf(browser, "Mallory")];
  const [hers, his] = [await flagOf(ada), await flagOf(mallory)];
  expect(his).not.toBe(hers);
  await organiser.getByText("Flags", { exact: true }).last().click();
  const flags = organiser.getByRole("table", { name: "Flags" });
  await expect(flags.getByText("Accepted", { exact: true })).toHaveCount(2, { timeout: 60_000 });
  await expect(flags.getByText(hers)).toBeVisible();
  await everybodyCanUse(organiser, "admin-flags-accepted");
  await organiser.setViewportSize({ width: 1280, height: 800 });

  expect(await submit(ctfd, "Mallory", hers)).toBe("correct");
  await organiser.getByRole("button", { name: "Check all submissions" }).click();
  await expect(organiser.getByText(/1 submission was read/)).toBeVisible();
  await organiser.getByText("Review", { exact: true }).first().click();
  const list = organiser.getByRole("table", { name: "Review" });
  await expect(list.getByRole("row", { name: /Shared flag.*Blue Foxes.*Red Pandas/ })).toBeVisible();
  await everybodyCanUse(organiser, "admin-review");
  await organiser.setViewportSize({ width: 1280, height: 800 });

  await list.getByRole("button", { name: "Show what Blue Foxes submitted" }).click();
  const entry = organiser.getByRole("dialog", { name: "Blue Foxes in shared" });
  await expect(entry.getByText(hers)).toBeVisible();
  await expect(entry.getByText("(Mallory)")).toBeVisible();
  await everybodyCanUse(organiser, "admin-suspicion");
  await organiser.setViewportSize({ width: 1280, height: 800 });
  await entry.getByLabel("Note").fill("They sat at one table.");
  await entry.getByRole("button", { name: "Confirm sharing" }).click();
  await expect(organiser.getByText("Nothing to review")).toBeVisible();

  await organiser.getByRole("combobox", { name: "Review" }).selectOption("Confirmed");
  await list.getByRole("button", { name: "Show what Blue Foxes submitted" }).click();
  await expect(entry.getByLabel("Note")).toHaveValue("They sat at one table.");
  await entry.getByRole("button", { name: "Dismiss" }).click();
  await organiser.getByRole("combobox", { name: "Review" }).selectOption("Dismissed");
  await expect(list.getByRole("row", { name: /Blue Foxes.*Dismissed/ })).toBeVisible();
});
