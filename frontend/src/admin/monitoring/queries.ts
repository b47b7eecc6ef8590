import { api, unwrap } from "@/api/client";
import type { Filters } from "../kit/filters";
import { inPages } from "../kit/pages";

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
  return inPages(
    ["admin", "monitoring", "instances", query],
    (cursor, signal) =>
      unwrap(
        api.GET("/admin/api/monitoring/instances", { params: { query: { ...query, limit: 500, ...cursor } }, signal }),
      ),
    pace,
  );
}
