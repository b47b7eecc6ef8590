import { queryOptions } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";
import { serverNow } from "@/lib/clock";

const often = 30_000; // ms

/**
 * All challenges, and when the event takes place. They change when an organiser changes them, so now and then is often
 * enough, but for the moment at which the event begins.
 */
export const challengesQuery = queryOptions({
  queryKey: ["challenges"],
  queryFn: ({ signal }) => unwrap(api.GET("/challenges", { signal })),
  refetchInterval: ({ state }) => {
    const begins = state.data?.event.begins_at;
    const left = begins ? Date.parse(begins) - serverNow() : 0;
    return left > 0 ? Math.min(often, left + 500) : often;
  },
});
