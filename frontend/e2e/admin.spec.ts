import type { Page } from "@playwright/test";
import { filesOf, quick, uploaded } from "./challenges";
import { expect, test } from "./fixtures";
import { everybodyCanUse } from "./look";
import { signIn } from "./organiser";
import { zipOf } from "./zip";

async function publish(page: Page, look = async () => {}): Promise<void> {
  await page.getByRole("button", { name: "Publish …" }).click();
  const dialog = page.getByRole("dialog", { name: /Publish the draft/ });
  await expect(dialog.getByText("instance.toml")).toBeVisible();
  await look();
  await dialog.getByRole("button", { name: "Publish" }).click();
  await expect(dialog).toHaveCount(0);
}

test("strangers are asked for a key, and a wrong one is refused in words", async ({ page }) => {
  await page.goto("/admin/logs");
  await page.getByLabel("Key or CTFd token").fill("a key that is wrong");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("alert")).toContainText(/request/);
  await everybodyCanUse(page, "admin-sign-in");
});

test("an organiser uploads a draft with a mistake, mends, tries and publishes it, and looks at an instance", async ({
  page,
  complaints,
}) => {
  test.slow(); // seven views, each in four looks
  await signIn(page, "/challenges", complaints);
  await expect(page.getByRole("link", { name: quick.name })).toBeVisible();

  const files = filesOf(uploaded);
  await page.setInputFiles('input[type="file"]', {
    name: "uploaded.zip",
    mimeType: "application/zip",
    buffer: zipOf({ ...files, "instance.toml": `nonsense = 1\n${files["instance.toml"]}` }),
  });
  const kept = page.getByRole("alert").filter({ hasText: "kept as a draft" });
  await expect(kept).toContainText("nonsense");
  complaints.length = 0; // the refusal, which the browser tells of
  await kept.getByRole("link", { name: "Open the draft" }).click();

  // A mistake is said where it is while one types, and players see nothing of it.
  await page.getByRole("button", { name: /instance\.toml, line 1/ }).click();
  const editor = page.getByRole("textbox", { name: "instance.toml" });
  await everybodyCanUse(page, "admin-draft");
  await page.setViewportSize({ width: 1280, height: 800 });
  await editor.click();
  await page.keyboard.press("Control+Home");
  await page.keyboard.press("Shift+ArrowDown");
  await page.keyboard.press("Delete");
  await expect(page.getByText("Saved in the draft")).toBeVisible();
  await expect(page.getByRole("alert")).toHaveCount(0);

  await page.getByRole("button", { name: "Try it" }).click();
  await expect(page.getByText("Flag found")).toBeVisible({ timeout: 90_000 });
  await everybodyCanUse(page, "admin-trial");
  await page.setViewportSize({ width: 1280, height: 800 });
  await publish(page, async () => {
    await everybodyCanUse(page, "admin-publish");
    await page.setViewportSize({ width: 1280, height: 800 });
  });
  await expect(page.getByText("It is closed until you open it")).toBeVisible();
  await expect(page.getByRole("heading", { level: 1, name: uploaded.name })).toBeVisible();
  await expect(page.getByText("Trial", { exact: true })).toHaveCount(0, { timeout: 60_000 });

  await page.getByRole("button", { name: /^instance\.toml/ }).click();
  await editor.click();
  await page.keyboard.press("Control+End");
  await page.keyboard.type("# looked at\n");
  await publish(page);
  await expect(page.getByText("Uploaded was published", { exact: true })).toBeVisible();

  await page.getByText("Images", { exact: true }).click();
  await page.getByRole("button", { name: "Rebuild without cache" }).click();
  await expect(page.getByRole("region", { name: "Build log" }).getByText(/COPY start.sh/)).toBeVisible({
    timeout: 60_000,
  });
  await expect(page.getByText("Built", { exact: true })).toBeVisible({ timeout: 60_000 });
  await page.getByText("Revisions", { exact: true }).click();
  const revisions = page.getByRole("table", { name: "Revisions" });
  await expect(revisions.getByRole("row").filter({ hasText: "Current" })).toHaveCount(1);
  await expect(revisions.getByRole("row").filter({ hasText: "Uploaded by admin key" })).toHaveCount(1);
  const latest = revisions.getByRole("row").filter({ hasText: "Edited by admin key" }).first();
  await latest.getByRole("button", { name: /Changes of/ }).click();
  const changes = page.getByRole("dialog", { name: /What changed in/ });
  await expect(changes.getByText("Changed", { exact: true })).toHaveCount(1);
  await expect(changes.getByRole("region", { name: /Lines of/ })).toBeVisible();
  await everybodyCanUse(page, "admin-revision-changes");
  await page.setViewportSize({ width: 1280, height: 800 });
  await changes.getByLabel("Compared with").selectOption({ label: "Nothing: all that is in it" });
  await expect(changes.getByText("Added", { exact: true })).toHaveCount(Object.keys(filesOf(uploaded)).length);
  await page.getByRole("button", { name: "Close" }).click();

  await page.getByRole("link", { name: "Dashboard" }).click();
  await page.getByRole("button", { name: "Start for a player or team" }).click();
  const dialog = page.getByRole("dialog", { name: "Start for a player or team" });
  await dialog.getByLabel("Challenge").selectOption({ label: uploaded.name });
  await dialog.getByLabel("Player or team").fill("user_7");
  await dialog.getByLabel("Display name").fill("Grace");
  await everybodyCanUse(page, "admin-spawn");
  await page.setViewportSize({ width: 1280, height: 800 });
  await dialog.getByRole("button", { name: "Start for a player or team" }).click();

  const detail = page.getByRole("dialog", { name: /Uploaded/ });
  await expect(detail.getByText("Running", { exact: true }).first()).toBeVisible({ timeout: 60_000 });
  await everybodyCanUse(page, "admin-instance");
  await page.setViewportSize({ width: 1280, height: 800 });
  await detail.getByText("Usage", { exact: true }).click();
  await expect(detail.getByRole("table", { name: "Containers" }).getByText("web")).toBeVisible();
  await expect(detail.getByRole("figure", { name: /^Memory/ }).getByText("Collecting")).toHaveCount(0, {
    timeout: 60_000,
  });
  await everybodyCanUse(page, "admin-instance-usage");
  await page.setViewportSize({ width: 1280, height: 800 });
  await detail.getByText("Output", { exact: true }).click();
  await expect(detail.getByText(/it has begun/)).toBeVisible();
  await everybodyCanUse(page, "admin-instance-output");
  await page.setViewportSize({ width: 1280, height: 800 });
  await detail.getByRole("button", { name: "Stop" }).click();
  const stop = page.getByRole("alertdialog", { name: "Stop Uploaded of Grace?" });
  await stop.getByRole("button", { name: "Stop" }).click();
  await expect(detail.getByText("Stopped", { exact: true }).first()).toBeVisible({ timeout: 60_000 });
  await detail.getByRole("button", { name: "Close" }).click();

  await page.getByRole("link", { name: "Challenges", exact: true }).click();
  await page.getByRole("link", { name: uploaded.name, exact: true }).click();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByLabel("Type uploaded to confirm").fill("uploaded");
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await expect(page.getByText("Uploaded was deleted")).toBeVisible();
  await expect(page.getByRole("link", { name: uploaded.name, exact: true })).toHaveCount(0);
  expect(complaints).toEqual([]);
});

test("a setting is changed after its difference was shown, and reset", async ({ page, complaints }) => {
  await signIn(page, "/settings?q=max_instances_per_user", complaints);
  const field = page.getByRole("textbox", { name: "MAX_INSTANCES_PER_USER" });
  await field.fill("-1");
  await expect(page.getByText("at least 0")).toBeVisible();
  await expect(page.getByRole("button", { name: "Review and save" })).toBeDisabled();
  await field.fill("7");
  await page.getByRole("button", { name: "Review and save" }).click();
  const dialog = page.getByRole("dialog", { name: "Save 1 change?" });
  await expect(dialog.getByText("7")).toBeVisible();
  await everybodyCanUse(page, "admin-settings-diff");
  await page.setViewportSize({ width: 1280, height: 800 });
  await dialog.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Changed here")).toBeVisible();

  await page.goto("/");
  await expect(page.getByRole("meter", { name: "Your instances" })).toHaveAttribute("max", "7");

  await page.goto("/admin/settings?q=max_instances_per_user");
  await page.getByRole("button", { name: "Reset MAX_INSTANCES_PER_USER" }).click();
  await page.getByRole("button", { name: "Reset it" }).click();
  await expect(page.getByText("Changed here")).toHaveCount(0);
  await expect(field).toHaveValue("3");
  expect(complaints).toEqual([]);
});

test("what players do appears in the panel by itself", async ({ api, page, complaints }) => {
  await signIn(page, "/logs", complaints);
  await expect(page.getByRole("table", { name: "Events" })).toBeVisible();
  await api.start(quick.id);
  await expect(page.getByRole("table", { name: "Events" }).getByText("quick").first()).toBeVisible();
  await page.getByRole("link", { name: "Dashboard" }).click();
  await expect(page.getByRole("table", { name: "Instances" }).getByText("Running", { exact: true })).toBeVisible();
  await api.stopAll();
  await expect(page.getByRole("table", { name: "Instances" }).getByText("Running", { exact: true })).toHaveCount(0);
  expect(complaints).toEqual([]);
});

const pages = {
  dashboard: "",
  logs: "/logs",
  forensics: "/logs?view=forensics",
  ports: "/logs?view=ports",
  flags: "/flags",
  "flags-issued": "/flags?view=issued",
  "flags-mappings": "/flags?view=mappings",
  challenges: "/challenges",
  "challenge-files": "/challenges/quick?file=www%2Findex.html",
  "challenge-images": "/challenges/quick?view=build",
  "challenge-revisions": "/challenges/quick?view=revisions",
  "challenge-limits": "/challenges/quick?view=limits",
  monitoring: "/monitoring",
  settings: "/settings",
  "settings-all": "/settings?view=all",
  "settings-history": "/settings?view=history",
  nowhere: "/nowhere",
};

test("an address of no tab says so in the panel, and leads back to its start", async ({ page }) => {
  await signIn(page, "/nowhere/at/all");
  await expect(page.getByRole("heading", { level: 1, name: "There is nothing here" })).toBeVisible();
  await page.getByRole("main").getByRole("link", { name: "Back to the dashboard" }).click();
  await expect(page).toHaveURL(/\/admin\/?$/);
  await expect(page.getByRole("table", { name: "Instances" })).toBeVisible();
});

test("on a phone the tab that one is on is in sight", async ({ page }) => {
  await page.setViewportSize({ width: 320, height: 800 });
  await signIn(page, "/settings");
  await expect(page.getByRole("link", { name: "Settings" })).toBeInViewport({ ratio: 0.95 });
  await page.goto("/admin/challenges/quick");
  await expect(page.getByRole("link", { name: "Challenges", exact: true })).toBeInViewport({ ratio: 0.95 });
});

test("everybody can use every tab", async ({ api, page }) => {
  test.setTimeout(1_200_000);
  await api.start(quick.id);
  await signIn(page);
  for (const [name, path] of Object.entries(pages)) {
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.goto(`/admin${path}`);
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    await expect(page.locator("main .animate-pulse.bg-raised")).toHaveCount(0); // nothing is on its way any more
    await everybodyCanUse(page, `admin-${name}`);
  }
});
