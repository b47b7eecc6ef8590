import { queryOptions } from "@tanstack/react-query";
import { api, asProblem, unwrap } from "@/api/client";

/** Who the player is and how many instances they may have. */
export const meQuery = queryOptions({
  queryKey: ["me"],
  queryFn: ({ signal }) => unwrap(api.GET("/me", { signal })),
  retry: (count, cause) => count < 3 && ![401, 403].includes(asProblem(cause).status), // a refusal is an answer
  refetchInterval: 60_000,
});

/** What there is to know of this installation, such as why nothing is started at the moment. */
export const configQuery = queryOptions({
  queryKey: ["config"],
  queryFn: ({ signal }) => unwrap(api.GET("/config", { signal })),
  refetchInterval: 30_000,
});
