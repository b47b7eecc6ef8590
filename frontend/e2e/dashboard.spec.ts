import { networksSettled } from "./api";
import { quick, slow } from "./challenges";
import { expect, test } from "./fixtures";
import { everybodyCanUse } from "./look";

test("a challenge is listed, started, opened and stopped", async ({ api, page, context, complaints }) => {
  await page.goto("/");
  for (const { id, name } of [quick, slow]) {
    const card = page.getByRole("article", { name });
    await expect(card.getByText("Stopped", { exact: true })).toBeVisible();
    await expect(card.getByRole("link")).toHaveAttribute("href", await api.addressOf(id));
  }

  const card = page.getByRole("article", { name: quick.name });
  await card.getByRole("button", { name: "Start Quick" }).click();
  await expect(card.getByText("Running", { exact: true })).toBeVisible({ timeout: 60_000 });
  await expect(card.getByText("left", { exact: true })).toBeVisible();

  await networksSettled();
  const opened = context.waitForEvent("page");
  await card.getByRole("link").click();
  const tab = await opened;
  await expect(tab.getByRole("heading", { name: quick.heading })).toBeVisible();
  await tab.close();

  await card.getByRole("button", { name: "Stop Quick" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Stop it" }).click();
  await expect(card.getByText("Stopped", { exact: true })).toBeVisible({ timeout: 60_000 });
  await expect(card.getByRole("button", { name: "Start Quick" })).toBeFocused();
  expect(complaints).toEqual([]);
});

test("an instance that is started elsewhere appears by itself", async ({ api, page, complaints }) => {
  await page.goto("/");
  await expect(page.getByText("Live", { exact: true })).toBeVisible();
  const card = page.getByRole("article", { name: quick.name });
  await expect(card.getByText("Stopped", { exact: true })).toBeVisible();
  await api.start(quick.id);
  // Without the stream the page would ask every 4 s and say so; with it, once a minute.
  await expect(card.getByText("Running", { exact: true })).toBeVisible();
  await expect(page.getByText("Live", { exact: true })).toBeVisible();
  expect(complaints).toEqual([]);
});

test("everybody can use it, whatever there is to see", async ({ api, page }) => {
  await page.goto("/?q=nothing+is+called+this");
  await expect(page.getByText("No challenge matches")).toBeVisible();
  await everybodyCanUse(page, "dashboard-nothing-found");
  await page.goto("/nowhere");
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await everybodyCanUse(page, "nowhere");
  await api.start(quick.id);
  await page.goto("/");
  await expect(page.getByRole("article", { name: quick.name }).getByText("Running", { exact: true })).toBeVisible();
  await everybodyCanUse(page, "dashboard");
});

test("an address of CTFd's leads to its challenge", async ({ page }) => {
  await page.setViewportSize({ width: 320, height: 400 });
  await page.goto(`/?challenge=${slow.id}`);
  const card = page.getByRole("article", { name: slow.name });
  await expect(card).toBeFocused();
  await expect(card).toBeInViewport();
});
