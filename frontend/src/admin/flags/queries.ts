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

/** Every flag and whose it is, newest first. */
export function issuedQuery({ challenge, owner, state, history }: Filters) {
  const known = registrations.find((one) => one === state);
  const query = {
    ...(challenge && { challenge }),
    ...(owner && { owner }),
    ...(known && { state: known }),
    ...(history === "true" && { history: true }),
  };
  return inPages(
    [...flagsKey, "issued", query],
    (cursor, signal) =>
      unwrap(api.GET("/admin/api/flags/mappings", { params: { query: { ...query, limit: 200, ...cursor } }, signal })),
    15_000, // what is on its way into CTFd arrives there
  );
}

/** The states of a review. */
export const reviews: ReviewState[] = ["open", "confirmed", "dismissed"];

/** The review list, newest first. */
export function suspiciousQuery({ challenge, owner, kind, review }: Filters) {
  const known = reviews.find((one) => one === (review ?? "open"));
  const query = {
    ...(challenge && { challenge }),
    ...(owner && { owner }),
    ...((kind === "sharing" || kind === "solve") && { kind: kind as "sharing" | "solve" }),
    ...(known && { review: known }),
  };
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
