import type { components } from "../src/api/schema";
import { languages } from "../src/lib/language";
import { quick } from "./challenges";
import { expect, test } from "./fixtures";

type Answer = components["schemas"]["ChallengeList"];

const longest = 2_000; // px of a whole page at 1280, in which a player finds everything

test("42 challenges, three of which run, are a short page in every language", async ({ api, page }) => {
  await api.start(quick.id);
  const list = (await (await fetch(`${process.env.E2E_API}/challenges`)).json()) as Answer;
  const own = list.challenges.find(({ id }) => id === quick.id);
  if (!own?.instance) throw new Error("nothing runs");
  const instances = [1, 2, 3].map((n) => ({ ...own.instance, id: `i${n}`, challenge_id: `c${n}` }));
  const challenges = Array.from({ length: 42 }, (_, n) => ({
    ...own,
    id: `c${n}`,
    name: `Challenge number ${n}`,
    category: ["crypto", "forensics", "misc", "pwn", "rev", "web"][n % 6],
    instance: null,
  }));
  await page.route(/\/challenges$/, (route) => route.fulfill({ json: { ...list, challenges } }));
  await page.route(/\/events$/, (route) => route.abort());
  await page.route(/\/instances$/, (route) => route.fulfill({ json: { instances, now: new Date().toISOString() } }));
  await page.setViewportSize({ width: 1280, height: 900 });
  for (const code of Object.keys(languages)) {
    await page.addInitScript((chosen) => localStorage.setItem("whaley-language", chosen), code);
    await page.goto("/");
    await expect(page.getByRole("article")).toHaveCount(42);
    await expect(page.getByRole("article").first()).toBeVisible();
    const height = await page.evaluate(() => document.documentElement.scrollHeight);
    expect(height, `in ${code}`).toBeLessThanOrEqual(longest);
    await page.screenshot({ path: `test-results/pages/list-${code}-1280.png`, fullPage: true });
  }
});
