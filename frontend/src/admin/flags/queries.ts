import { queryOptions } from "@tanstack/react-query";
import type { ReviewState } from "@/api/admin";
import { api, unwrap } from "@/api/client";
import type { Filters } from "../kit/filters";
import { inPages } from "../kit/pages";

/** The first words of the keys of all that is about flags. */
export const flagsKey = ["admin", "flags"] as const;

/** How it stands with flags, CTFd and the review list. */
export const overviewQuery = queryOptions({
  queryKey: [...flagsKey, "overview"],
  queryFn: ({ signal }) => unwrap(api.GET("/admin/api/flags", { signal })),
  refetchInterval: 15_000,
});

/** How it can stand with a flag in CTFd. */
export const registrations = ["pending", "live", "failed", "removing", "removed"] as const;

/** What the address selects of all flags, as the API has it. */
export function selectingFlags({ challenge, owner, state, history }: Filters) {
  const known = registrations.find((one) => one === state);
  return {
    ...(challenge && { challenge }),
    ...(owner && { owner }),
    ...(known && { state: known }),
    ...(history === "true" && { history: true }),
  };
}

/** Every flag and whose it is, newest first. */
export function issuedQuery(filters: Filters) {
  const query = selectingFlags(filters);
  return inPages(
    [...flagsKey, "issued", query],
    (cursor, signal) =>
      unwrap(api.GET("/admin/api/flags/mappings", { params: { query: { ...query, limit: 200, ...cursor } }, signal })),
    15_000, // what is on its way into CTFd arrives there
  );
}

/** The states of a review. */
export const reviews: ReviewState[] = ["open", "confirmed", "dismissed"];

/** What the address selects of the review list, as the API has it. */
export function selectingSuspicious({ challenge, owner, kind, review }: Filters) {
  const known = reviews.find((one) => one === (review ?? "open"));
  return {
    ...(challenge && { challenge }),
    ...(owner && { owner }),
    ...((kind === "sharing" || kind === "solve") && { kind: kind as "sharing" | "solve" }),
    ...(known && { review: known }),
  };
}

/** The review list, newest first. */
export function suspiciousQuery(filters: Filters) {
  const query = selectingSuspicious(filters);
  return inPages(
    [...flagsKey, "suspicious", query],
    (cursor, signal) =>
      unwrap(
        api.GET("/admin/api/flags/suspicious", { params: { query: { ...query, limit: 100, ...cursor } }, signal }),
      ),
    30_000,
  );
}

/** CTFd's challenges and ours, with guesses at which is which. */
export const pairingQuery = queryOptions({
  queryKey: [...flagsKey, "pairing"],
  queryFn: ({ signal }) => unwrap(api.GET("/admin/api/ctfd/challenges", { signal })),
  staleTime: 10_000,
});

/** The sign-in page and the links that are in CTFd. */
export const connectionQuery = queryOptions({
  queryKey: [...flagsKey, "connection"],
  queryFn: ({ signal }) => unwrap(api.GET("/admin/api/ctfd/connection", { signal })),
  staleTime: 10_000,
});
