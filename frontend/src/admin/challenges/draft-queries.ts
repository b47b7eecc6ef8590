import { queryOptions } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";

/** The first words of the keys of all that is about drafts. */
export const draftsKey = ["admin", "drafts"] as const;

/** Every draft that was begun. */
export const draftsQuery = queryOptions({
  queryKey: [...draftsKey, "list"],
  queryFn: async ({ signal }) => (await unwrap(api.GET("/admin/api/drafts", { signal }))).drafts,
});

/** A challenge's draft, or what one would begin with. */
export function draftQuery(id: string) {
  return queryOptions({
    queryKey: [...draftsKey, id, "draft"],
    queryFn: ({ signal }) => unwrap(api.GET("/admin/api/drafts/{id}", { params: { path: { id } }, signal })),
  });
}

/** Its files. */
export function filesQuery(id: string) {
  return queryOptions({
    queryKey: [...draftsKey, id, "files"],
    queryFn: async ({ signal }) =>
      (await unwrap(api.GET("/admin/api/drafts/{id}/files", { params: { path: { id } }, signal }))).files,
  });
}

/** One file's content. What the editor has is never replaced under the organiser's hands. */
export function fileQuery(id: string, path: string) {
  return queryOptions({
    queryKey: [...draftsKey, id, "file", path],
    queryFn: ({ signal }) =>
      unwrap(api.GET("/admin/api/drafts/{id}/files/{path}", { params: { path: { id, path } }, signal })),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  });
}

/** How a draft differs from what its challenge's folder holds, asked anew each time. */
export function draftChangesQuery(id: string) {
  return queryOptions({
    queryKey: [...draftsKey, id, "changes"],
    queryFn: ({ signal }) => unwrap(api.GET("/admin/api/drafts/{id}/changes", { params: { path: { id } }, signal })),
    gcTime: 0,
  });
}

/** The last trial of a draft; null: there is none. */
export function trialQuery(id: string) {
  return queryOptions({
    queryKey: [...draftsKey, id, "trial"],
    queryFn: async ({ signal }) =>
      (await unwrap(api.GET("/admin/api/drafts/{id}/trial", { params: { path: { id } }, signal }))).trial,
    refetchInterval: ({ state: { data } }) => {
      if (!data || data.state === "failed" || data.state === "ended") return false;
      return data.state === "running" && !data.solving ? 5_000 : 1_500;
    },
  });
}
