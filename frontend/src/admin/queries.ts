import { queryOptions } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";
import { whoamiKey } from "./kit/client";

/** Who the sidecar takes us for. */
export const whoamiQuery = queryOptions({
  queryKey: whoamiKey,
  queryFn: ({ signal }) => unwrap(api.GET("/admin/api/whoami", { signal })),
  staleTime: 60_000,
});

/** How much of the host is in use. */
export const systemQuery = queryOptions({
  queryKey: ["admin", "monitoring", "system"],
  queryFn: ({ signal }) => unwrap(api.GET("/admin/api/monitoring/system", { signal })),
  refetchInterval: 5_000,
});
