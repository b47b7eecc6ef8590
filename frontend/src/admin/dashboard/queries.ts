import { queryOptions } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";
import { setServerTime } from "@/lib/clock";
import type { Filters } from "../kit/filters";
import { inPages } from "../kit/pages";

/** The first words of the keys of all that is about instances. */
export const instancesKey = ["admin", "instances"] as const;

/** The orders in which the server can list instances. */
const orders = ["created", "expires", "challenge", "owner", "state"] as const;
type Order = (typeof orders)[number] | `-${(typeof orders)[number]}`;

/** What the address selects of all instances, as the API has it. */
export function selecting({ state, challenge, owner, q }: Filters) {
  return { ...(state && { state }), ...(challenge && { challenge }), ...(owner && { owner }), ...(q && { q }) };
}

/** Everybody's instances, a page at a time, in the server's order. */
export function instancesQuery(filters: Filters) {
  const sort = orders.find((order) => order === filters.sort?.replace(/^-/, "")) ? (filters.sort as Order) : "-created";
  const query = { ...selecting(filters), sort };
  return inPages(
    [...instancesKey, "list", query],
    async (cursor, signal) => {
      const page = await unwrap(
        api.GET("/admin/api/instances", { params: { query: { ...query, limit: 500, ...cursor } }, signal }),
      );
      setServerTime(page.now);
      return page;
    },
    30_000,
  );
}

/** One instance with its containers and what happened to it. */
export function instanceQuery(id: string) {
  return queryOptions({
    queryKey: [...instancesKey, "one", id],
    queryFn: ({ signal }) => unwrap(api.GET("/admin/api/instances/{id}", { params: { path: { id } }, signal })),
    refetchInterval: 10_000,
  });
}

/** What an instance uses, as last sampled. */
export function usageQuery(id: string) {
  return queryOptions({
    queryKey: [...instancesKey, "usage", id],
    queryFn: ({ signal }) => unwrap(api.GET("/admin/api/instances/{id}/metrics", { params: { path: { id } }, signal })),
    refetchInterval: 5_000,
  });
}

/** What players are told while nothing is started; empty: all is well. */
export const configQuery = queryOptions({
  queryKey: ["admin", "config"],
  queryFn: ({ signal }) => unwrap(api.GET("/config", { signal })),
  refetchInterval: 30_000,
});

/** The names of all challenges, for choices. */
export const challengeNamesQuery = queryOptions({
  queryKey: ["admin", "challenges", "list"],
  queryFn: async ({ signal }) => (await unwrap(api.GET("/admin/api/challenges/list", { signal }))).challenges,
});

/** How far the charts look back, in minutes. */
export const spans = ["60", "360", "1440"] as const;

/** How it has been with instances, part by part up to now. */
export function seriesQuery(span: (typeof spans)[number]) {
  return queryOptions({
    queryKey: [...instancesKey, "series", span],
    queryFn: async ({ signal }) =>
      (await unwrap(api.GET("/admin/api/stats/series", { params: { query: { minutes: Number(span) } }, signal })))
        .parts,
    refetchInterval: 30_000,
  });
}

/** Numbers of the whole installation, such as its limits. */
export const statsQuery = queryOptions({
  queryKey: [...instancesKey, "stats"],
  queryFn: ({ signal }) => unwrap(api.GET("/admin/api/stats", { signal })),
  refetchInterval: 15_000,
});
