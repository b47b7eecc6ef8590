import type { Page } from "@playwright/test";
import { expect } from "./fixtures";
import { adminKey } from "./key";

/** Signs in at an address of the panel. That a stranger gets 401 first, the browser says; it is no complaint. */
export async function signIn(page: Page, path = "", complaints: string[] = []): Promise<void> {
  await page.goto(`/admin${path}`);
  await page.getByLabel("Key or CTFd token").fill(adminKey);
  const button = page.getByRole("button", { name: "Sign in" });
  await expect(async () => {
    if (await button.isVisible()) await button.click(); // again where a busy machine took longer than the page waits
    await expect(page.getByText("Signed in as")).toBeVisible();
  }).toPass({ timeout: 60_000 });
  complaints.length = 0;
}
