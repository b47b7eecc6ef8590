import { type QueryClient, queryOptions } from "@tanstack/react-query";
import type { AdminChallenge, ChallengeBuild } from "@/api/admin";
import { api, unwrap } from "@/api/client";
import { inPages } from "../kit/pages";

/** The first words of the keys of all that is about challenges. */
export const challengesKey = ["admin", "challenges"] as const;

/** Every folder of CHALLENGES_DIR, with what is wrong in it. */
export const challengesQuery = queryOptions({
  queryKey: [...challengesKey, "list"],
  queryFn: async ({ signal }) => (await unwrap(api.GET("/admin/api/challenges/list", { signal }))).challenges,
  // Images come and go without an event.
  refetchInterval: ({ state }) =>
    state.data?.some(({ images }) => images === "queued" || images === "building") && 2_000,
});

/** Puts what an action answered into the list, without waiting for the next one. */
export function receiveChallenge(client: QueryClient, challenge: AdminChallenge): void {
  client.setQueryData(
    challengesQuery.queryKey,
    (known) => known && [...known.filter(({ id }) => id !== challenge.id), challenge],
  );
}

/** Which revisions a challenge had, latest first. */
export function revisionsQuery(id: string) {
  return inPages([...challengesKey, id, "revisions"], (cursor, signal) =>
    unwrap(
      api.GET("/admin/api/challenges/{id}/revisions", {
        params: { path: { id }, query: { limit: 100, ...cursor } },
        signal,
      }),
    ),
  );
}

/** How a revision of a challenge differs from another, or from nothing. It never becomes another answer. */
export function changesQuery(id: string, revision: string, from: string) {
  return queryOptions({
    queryKey: [...challengesKey, id, "changes", revision, from],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/admin/api/challenges/{id}/revisions/{revision}/changes", {
          params: { path: { id, revision }, query: from ? { from } : {} },
          signal,
        }),
      ),
    staleTime: Number.POSITIVE_INFINITY,
  });
}

/** How the images of a challenge were built. */
export function buildQuery(id: string) {
  return queryOptions({
    queryKey: [...challengesKey, id, "build"],
    // The same address answers a stream too, to those who ask for one.
    queryFn: async ({ signal }) =>
      (await unwrap(
        api.GET("/admin/api/challenges/{id}/build", { params: { path: { id } }, signal }),
      )) as ChallengeBuild,
    refetchInterval: 15_000, // the stream is the source; this mends what it may have missed
  });
}

/** What challenges' own solvers have shown. */
export const solversQuery = queryOptions({
  queryKey: [...challengesKey, "solvers"],
  queryFn: async ({ signal }) => (await unwrap(api.GET("/admin/api/solvers", { signal }))).solvers,
  refetchInterval: ({ state }) => (state.data?.some(({ running }) => running) ? 2_000 : 30_000),
});
