import { infiniteQueryOptions } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";
import type { Filters } from "../kit/filters";

/** Milliseconds between looks; the sidecar samples about as often. */
export const pace = 5_000;

/** What live instances use, as last sampled. */
export function usageQuery({ challenge, owner, high }: Filters) {
  const query = {
    ...(challenge && { challenge }),
    ...(owner && { owner }),
    ...(high === "cpu" && { min_cpu_percent: 50 }),
    ...(high === "memory" && { min_memory_percent: 80 }),
    sort: high === "memory" ? ("memory" as const) : ("cpu" as const),
  };
  return infiniteQueryOptions({
    queryKey: ["admin", "monitoring", "instances", query],
    queryFn: ({ signal, pageParam }) =>
      unwrap(
        api.GET("/admin/api/monitoring/instances", {
          params: { query: { ...query, limit: 500, ...(pageParam && { after: pageParam }) } },
          signal,
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (page) => page.next || undefined,
    refetchInterval: pace,
  });
}
