import { queryOptions } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";

/** A player or team: what was solved, and the addresses. */
export function ownerQuery(id: string) {
  return queryOptions({
    queryKey: ["admin", "owner", id],
    queryFn: ({ signal }) => unwrap(api.GET("/admin/api/owners/{id}", { params: { path: { id } }, signal })),
    refetchInterval: 30_000,
  });
}
