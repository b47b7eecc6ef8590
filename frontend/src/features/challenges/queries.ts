import { queryOptions } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";

/** All challenges. They change when an organiser changes them, so now and then is often enough. */
export const challengesQuery = queryOptions({
  queryKey: ["challenges"],
  queryFn: async ({ signal }) => (await unwrap(api.GET("/challenges", { signal }))).challenges,
  refetchInterval: 30_000,
});
