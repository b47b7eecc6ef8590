import { queryOptions } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";

/** Who the player is and how many instances they may have. */
export const meQuery = queryOptions({
  queryKey: ["me"],
  queryFn: ({ signal }) => unwrap(api.GET("/me", { signal })),
  refetchInterval: 60_000,
});
