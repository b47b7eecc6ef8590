import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { expect } from "./fixtures";

/** Both themes, at the width of a laptop and of a small phone. */
const looks = [
  ["dark", 1280],
  ["light", 1280],
  ["dark", 320],
  ["light", 320],
] as const;

/** What axe finds by colours; all else is the same in both themes, and is looked at in the dark one. */
const colourRules = ["color-contrast", "link-in-text-block"];

/**
 * Holds a page in every look against axe's rules and the width of the screen. With PICTURES=1 in the environment it takes
 * a picture of each: nothing compares them, and they take as long as all the rest.
 */
export async function everybodyCanUse(page: Page, name: string): Promise<void> {
  for (const [colorScheme, width] of looks) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.setViewportSize({ width, height: 800 });
    if (process.env.PICTURES === "1")
      await page.screenshot({ path: `test-results/pages/${name}-${colorScheme}-${width}.png`, fullPage: true });
    const rules = colorScheme === "light" ? colourRules : undefined;
    expect(await faults(page, rules), `axe: ${name}, ${colorScheme}, ${width} px`).toEqual([]);
    const overhang = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(overhang, `${name} is wider than ${width} px`).toBeLessThanOrEqual(0);
  }
}

async function faults(page: Page, rules?: string[]): Promise<string[]> {
  const axe = new AxeBuilder({ page });
  const { violations } = await (rules ? axe.withRules(rules) : axe).analyze();
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${target} ${failureSummary}`),
  );
}
