import { slow } from "./challenges";
import { expect, test } from "./fixtures";

test("opening an address starts the challenge, shows how far it is, and then shows the challenge", async ({
  api,
  page,
}) => {
  const answer = await page.goto(await api.addressOf(slow.id));
  expect(answer?.status()).toBe(503);
  expect(answer?.headers()["cache-control"]).toContain("no-store");
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await expect(page.getByRole("status").first()).toHaveText(/\S/);
  await page.screenshot({ path: "test-results/waiting.png" });

  await expect(page.getByRole("heading", { name: slow.heading })).toBeVisible({ timeout: 60_000 });
  await page.screenshot({ path: "test-results/arrived.png" });
});
