import type { Page } from "@playwright/test";
import { expect } from "./fixtures";
import { adminKey } from "./key";

/** Signs in at an address of the panel. That a stranger gets 401 first, the browser says; it is no complaint. */
export async function signIn(page: Page, path = "", complaints: string[] = []): Promise<void> {
  await page.goto(`/admin${path}`);
  await page.getByLabel("Admin key or CTFd token").fill(adminKey);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByText("Signed in as")).toBeVisible();
  complaints.length = 0;
}
