import type { components } from "../src/api/schema";
import { quick } from "./challenges";
import { expect, test } from "./fixtures";
import { adminKey } from "./key";
import { signIn } from "./organiser";

type List = components["schemas"]["AdminInstanceList"];

const count = 5_000;
const jumps = 120; // each to rows that were not drawn before

test("a table of 5,000 instances scrolls as a short one does", async ({ api, page }) => {
  await api.start(quick.id);
  const answer = await fetch(`${process.env.E2E_API}/admin/api/instances`, { headers: { "X-Admin-Key": adminKey } });
  const list = (await answer.json()) as List;
  const [one] = list.instances;
  if (!one) throw new Error("nothing runs");
  const instances = Array.from({ length: count }, (_, n) => ({
    ...one,
    id: `many-${n}`,
    owner: { id: `team_${n}`, name: `Team ${n}` },
  }));
  await page.route(/\/admin\/api\/instances\?/, (route) => route.fulfill({ json: { ...list, instances } }));
  await signIn(page);

  const table = page.getByRole("table", { name: "Instances" });
  await expect(table).toHaveAttribute("aria-rowcount", String(count + 1));
  expect(await table.getByRole("row").count()).toBeLessThan(80);

  const inside = await page.context().newCDPSession(page);
  await inside.send("Performance.enable");
  const scripting = async () =>
    (await inside.send("Performance.getMetrics")).metrics.find(({ name }) => name === "ScriptDuration")?.value ?? 0;
  const before = await scripting();
  const frames = await table.evaluate(async (element, steps) => {
    const took: number[] = [];
    for (let n = 1; n <= steps; n++) {
      const begun = performance.now();
      element.scrollTop = ((element.scrollHeight - element.clientHeight) * n) / steps;
      await new Promise(requestAnimationFrame);
      await new Promise(requestAnimationFrame); // the one after has drawn the rows
      took.push(performance.now() - begun);
    }
    return took.sort((a, b) => a - b);
  }, jumps);
  const perJump = ((await scripting()) - before) * (1000 / jumps);
  await expect(table.getByText(`Team ${count - 1}`, { exact: true })).toBeVisible();
  const median = frames[Math.floor(jumps / 2)] ?? 0;
  process.stdout.write(
    `5,000 rows: ${perJump.toFixed(1)} ms of script a jump, ${median.toFixed(0)} ms until it is drawn (median)\n`,
  );
  expect(perJump).toBeLessThan(50); // a busy machine of two cores; a table that draws all rows takes seconds
});
