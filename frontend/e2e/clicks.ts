import type { BrowserContext, Page } from "@playwright/test";

/** Counts what a person clicks in any tab of a browser, as that browser tells it. */
export async function countClicks(context: BrowserContext) {
  let clicks = 0;
  await context.exposeBinding("whaleyClicked", () => {
    clicks += 1;
  });
  await context.addInitScript(() => {
    const told = window as unknown as { whaleyClicked: () => void };
    window.addEventListener("click", (event) => event.isTrusted && told.whaleyClicked(), { capture: true });
  });
  return {
    /** How many it takes to get something done. */
    async during<T>(what: () => Promise<T>): Promise<[number, T]> {
      const before = clicks;
      const done = await what();
      return [clicks - before, done];
    },
  };
}

/** The tab that a click opens. */
export async function opened(context: BrowserContext, click: () => Promise<void>): Promise<Page> {
  const [tab] = await Promise.all([context.waitForEvent("page"), click()]);
  return tab;
}
