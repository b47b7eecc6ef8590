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

/** Takes a picture of a page in every look, and holds each against axe's rules and the width of the screen. */
export async function everybodyCanUse(page: Page, name: string): Promise<void> {
  for (const [colorScheme, width] of looks) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.setViewportSize({ width, height: 800 });
    await page.screenshot({ path: `test-results/pages/${name}-${colorScheme}-${width}.png`, fullPage: true });
    expect(await faults(page), `axe: ${name}, ${colorScheme}, ${width} px`).toEqual([]);
    const overhang = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(overhang, `${name} is wider than ${width} px`).toBeLessThanOrEqual(0);
  }
}

async function faults(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${target} ${failureSummary}`),
  );
}
