import { AxeBuilder } from "@axe-core/playwright";
import { quick, slow } from "./challenges";
import { expect, test } from "./fixtures";

test("a challenge is listed, started, opened and stopped", async ({ api, page, context, complaints }) => {
  await page.goto("/");
  for (const { id, name } of [quick, slow]) {
    const card = page.getByRole("article", { name });
    await expect(card.getByText("Not running", { exact: true })).toBeVisible();
    await expect(card.getByRole("link")).toHaveAttribute("href", await api.addressOf(id));
  }

  const card = page.getByRole("article", { name: quick.name });
  await card.getByRole("button", { name: "Start Quick" }).click();
  await expect(card.getByText("Running", { exact: true })).toBeVisible({ timeout: 60_000 });
  await expect(card.getByText("left", { exact: true })).toBeVisible();

  const opened = context.waitForEvent("page");
  await card.getByRole("link").click();
  const tab = await opened;
  await expect(tab.getByRole("heading", { name: quick.heading })).toBeVisible();
  await tab.close();

  await card.getByRole("button", { name: "Stop Quick" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Stop it" }).click();
  await expect(card.getByText("Not running", { exact: true })).toBeVisible({ timeout: 30_000 });
  await expect(card.getByRole("button", { name: "Start Quick" })).toBeFocused();
  expect(complaints).toEqual([]);
});

test("an instance that is started elsewhere appears by itself", async ({ api, page, complaints }) => {
  await page.goto("/");
  await expect(page.getByText("Live", { exact: true })).toBeVisible();
  const card = page.getByRole("article", { name: quick.name });
  await expect(card.getByText("Not running", { exact: true })).toBeVisible();
  await api.start(quick.id);
  await expect(card.getByText("Running", { exact: true })).toBeVisible({ timeout: 3_000 });
  expect(complaints).toEqual([]);
});

for (const colorScheme of ["dark", "light"] as const) {
  for (const width of [320, 1280]) {
    test(`everybody can use it: ${colorScheme}, ${width} px wide`, async ({ api, page }) => {
      await api.start(quick.id);
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 800 });
      await page.goto("/");
      await expect(page.getByRole("article", { name: quick.name }).getByText("Running", { exact: true })).toBeVisible();
      await page.screenshot({ path: `test-results/dashboard-${colorScheme}-${width}.png`, fullPage: true });

      expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
      const overhang = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      expect(overhang).toBeLessThanOrEqual(0);
    });
  }
}
