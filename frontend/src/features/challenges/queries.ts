import { queryOptions } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";
import { serverNow } from "@/lib/clock";

const often = 30_000; // ms

/**
 * All challenges, and when the event takes place. They change when an organiser changes them, so now and then is often
 * enough, but for the moment at which the event begins or one of them opens.
 */
export const challengesQuery = queryOptions({
  queryKey: ["challenges"],
  queryFn: ({ signal }) => unwrap(api.GET("/challenges", { signal })),
  refetchInterval: ({ state }) => {
    const opens = state.data?.challenges.map(({ opens_at }) => opens_at) ?? [];
    const next = [state.data?.event.begins_at, ...opens]
      .map((moment) => (moment ? Date.parse(moment) - serverNow() : 0))
      .filter((left) => left > 0);
    return Math.min(often, ...next.map((left) => left + 500));
  },
});
