import { queryOptions } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";
import { whoamiKey } from "./kit/client";

/** Who the sidecar takes us for. */
export const whoamiQuery = queryOptions({
  queryKey: whoamiKey,
  queryFn: ({ signal }) => unwrap(api.GET("/admin/api/whoami", { signal })),
  staleTime: 60_000,
});
