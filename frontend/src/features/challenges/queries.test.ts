import { QueryClient, QueryObserver } from "@tanstack/react-query";
import { expect, it } from "vitest";
import { serve } from "@/test/server";
import { challengesQuery } from "./queries";

it("asks again when the event begins, and every half minute else", async () => {
  for (const [left, least, most] of [
    [5000, 1, 5500],
    [3_600_000, 30_000, 30_000],
    [-1000, 30_000, 30_000],
  ] as const) {
    serve({ event: { begins_at: new Date(Date.now() + left).toISOString(), ends_at: null, paused: false } });
    const client = new QueryClient();
    await client.fetchQuery(challengesQuery);
    const query = new QueryObserver(client, challengesQuery).getCurrentQuery();
    const { refetchInterval } = challengesQuery;
    const again = typeof refetchInterval === "function" ? refetchInterval(query as never) : refetchInterval;
    expect(again).toBeGreaterThanOrEqual(least);
    expect(again).toBeLessThanOrEqual(most);
  }
});
