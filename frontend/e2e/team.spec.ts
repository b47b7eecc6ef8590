import { type Browser, expect, type Page, test } from "@playwright/test";
import { shared } from "./challenges";
import { type CTFd, startCTFd } from "./ctfd";
import { everybodyCanUse } from "./look";
import { type Sidecar, startSidecar } from "./sidecar";

let ctfd: CTFd;
let sidecar: Sidecar;

test.beforeAll(async () => {
  ctfd = await startCTFd();
  sidecar = await startSidecar({
    name: "sidecar-with-ctfd",
    examples: [shared],
    env: {
      AUTH_MODE: "ctfd",
      CTFD_URL: ctfd.url,
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
  await page.getByLabel("Access token of CTFd").fill(ctfd.tokens[name]);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Challenges" })).toBeVisible();
  await expect(page.getByText("Live", { exact: true })).toBeVisible();
  return page;
}

test("a wrong token is refused in words, and the page says where tokens are made", async ({ page }) => {
  await page.goto(`${sidecar.dashboard}/`);
  await expect(page.getByRole("link", { name: /Make a token in CTFd/ })).toHaveAttribute(
    "href",
    `${ctfd.url}/settings#tokens`,
  );
  await page.getByLabel("Access token of CTFd").fill("ctfd_nonsense");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("alert")).toBeVisible();
  await everybodyCanUse(page, "login");
});

test("two players of a team see one copy live: started, extended when its time has come, stopped", async ({
  browser,
}) => {
  const [ada, grace] = [await browserOf(browser, "Ada"), await browserOf(browser, "Grace")];
  const cards = [ada, grace].map((page) => page.getByRole("article", { name: shared.name }));
  const [hers, theirs] = cards as [(typeof cards)[0], (typeof cards)[0]];
  await expect(hers.getByText("Shared with everybody in Red Pandas")).toBeVisible();

  await hers.getByRole("button", { name: "Start Shared" }).click();
  for (const card of cards) await expect(card.getByText("Running", { exact: true })).toBeVisible({ timeout: 60_000 });

  const extend = theirs.getByRole("button", { name: /^Extend Shared/ });
  await expect(extend).toHaveAttribute("aria-disabled", "true");
  await expect(theirs.getByText(/Half-time in/)).toBeVisible();
  await everybodyCanUse(grace, "dashboard-team");
  await expect(extend).not.toHaveAttribute("aria-disabled", { timeout: 30_000 });
  const before = await hers.locator("time").getAttribute("datetime");
  await extend.click();
  const seconds = (value: string | null) => Number(value?.replace(/\D/g, ""));
  await expect
    .poll(async () => seconds(await hers.locator("time").getAttribute("datetime")))
    .toBeGreaterThan(seconds(before));

  await theirs.getByRole("button", { name: "Stop Shared" }).click();
  await everybodyCanUse(grace, "dashboard-stop");
  await grace.getByRole("alertdialog").getByRole("button", { name: "Stop it" }).click();
  for (const card of cards)
    await expect(card.getByText("Not running", { exact: true })).toBeVisible({ timeout: 30_000 });

  await ada.getByRole("button", { name: "Sign out" }).click();
  await expect(ada.getByRole("heading", { name: "Sign in" })).toBeVisible();
});
