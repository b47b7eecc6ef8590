import { type BrowserContext, expect, test } from "@playwright/test";
import { shared } from "./challenges";
import { type CTFd, startCTFd } from "./ctfd";
import { everybodyCanUse } from "./look";
import { signIn } from "./organiser";
import { type Sidecar, startSidecar } from "./sidecar";

let ctfd: CTFd;
let sidecar: Sidecar;

test.beforeAll(async () => {
  test.setTimeout(300_000); // two servers are built
  ctfd = await startCTFd();
  sidecar = await startSidecar({
    name: "sidecar-from-ctfd",
    examples: [shared],
    env: { AUTH_MODE: "ctfd", CTFD_URL: ctfd.url, CTFD_API_KEY: ctfd.admin, SUBNET_POOL: "10.198.3.0/24" },
  });
});

test.afterAll(async () => {
  await sidecar?.stop();
  ctfd?.stop();
});

/** A browser in which Ada has signed in to CTFd, and nowhere else. */
async function inCTFd(context: BrowserContext) {
  const page = await context.newPage();
  await page.goto(`${ctfd.url}/login?next=/challenges`);
  await page.getByLabel("Account").fill(String(ctfd.accounts.Ada));
  await page.getByRole("button", { name: "Submit" }).click();
  await expect(page.getByRole("heading", { name: shared.name })).toBeVisible();
  return page;
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
  await page.getByRole("link", { name: /\/go\/shared$/ }).click(); // the only click
  await expect(page.getByText(shared.heading ?? "")).toBeVisible({ timeout: 60_000 });
  expect(page.url()).toMatch(/^http:\/\/shared-[a-z2-7]{13}\.instances\.localhost:/);

  // In the challenge window: it runs, is stopped and started again there.
  const later = await context.newPage();
  await later.goto(`${ctfd.url}/challenges`);
  const mine = later.getByRole("group", { name: "Your instance" });
  await expect(mine.getByRole("status")).toHaveText("Running");
  await expect(mine.getByRole("link")).toHaveAttribute("href", `${sidecar.dashboard}/go/shared`);
  await mine.getByRole("button", { name: "Stop" }).click();
  await expect(mine.getByRole("status")).toHaveText("Not running", { timeout: 30_000 });
  await mine.getByRole("button", { name: "Start" }).click();
  await expect(mine.getByRole("status")).toHaveText("Running", { timeout: 60_000 });
  await later.screenshot({ path: "test-results/pages/in-ctfd.png" });
  await later.locator(".challenge-connection-info a").click();
  await expect(later.getByText(shared.heading ?? "")).toBeVisible();

  await later.goto(`${sidecar.dashboard}/`);
  await later.getByRole("button", { name: "Sign out" }).click();
  await expect(later.getByRole("button", { name: "Sign in with CTFd" })).toBeVisible(); // and not in again by itself
  await everybodyCanUse(later, "login-with-ctfd");
  await later.goto(`${sidecar.dashboard}/login?by=token`);
  await everybodyCanUse(later, "login-by-token");
});
