import { queryOptions } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";
import type { Filters } from "../kit/filters";
import { inPages } from "../kit/pages";

/** The first words of the keys of all that is about events. */
export const eventsKey = ["admin", "events"] as const;

/** What selects events, as it stands in the address. */
export const eventFilters = ["q", "type", "challenge", "owner", "player", "instance", "from", "to"] as const;

/** The filters of the address that select events. */
export function selecting(filters: Filters) {
  const { from, to, ...others } = Object.fromEntries(
    eventFilters.flatMap((name) => (filters[name] ? [[name, filters[name]]] : [])),
  ) as Partial<Record<(typeof eventFilters)[number], string>>;
  const [begin, end] = [moment(from), moment(to)];
  return { ...others, ...(begin && { from: begin }), ...(end && { to: end }) };
}

/** A moment as a date field has it, in the form of the API; undefined while it is not complete. */
function moment(local: string | undefined): string | undefined {
  const at = local ? new Date(local) : undefined;
  return at && !Number.isNaN(at.getTime()) ? at.toISOString() : undefined;
}

/** Events, newest first. */
export function eventsQuery(filters: Filters) {
  const query = selecting(filters);
  return inPages([...eventsKey, query], (cursor, signal) =>
    unwrap(api.GET("/admin/api/logs", { params: { query: { ...query, limit: 200, ...cursor } }, signal })),
  );
}

/** How many events of which type there are. */
export const eventStatsQuery = queryOptions({
  queryKey: [...eventsKey, "stats"],
  queryFn: ({ signal }) => unwrap(api.GET("/admin/api/logs/stats", { signal })),
  refetchInterval: 30_000,
});

/** The first words of the keys of all that is about ports. */
export const portsKey = ["admin", "ports"] as const;

/** Which host ports owners get again. */
export function portsQuery(owner: string) {
  return inPages([...portsKey, "list", owner], (cursor, signal) =>
    unwrap(
      api.GET("/admin/api/user-ports", {
        params: { query: { limit: 500, ...(owner && { owner }), ...cursor } },
        signal,
      }),
    ),
  );
}

/** How much of the range of host ports is in use. */
export const portStatsQuery = queryOptions({
  queryKey: [...portsKey, "stats"],
  queryFn: ({ signal }) => unwrap(api.GET("/admin/api/port-stats", { signal })),
  refetchInterval: 15_000,
});

/** The first words of the keys of all that is about captures. */
export const capturesKey = ["admin", "captures"] as const;

/** What containers have written, latest first. */
export function capturesQuery({ challenge, owner, instance, kind }: Filters) {
  const query = {
    ...(challenge && { challenge }),
    ...(owner && { owner }),
    ...(instance && { instance }),
    ...((kind === "auto" || kind === "live") && { capture_type: kind as "auto" | "live" }),
  };
  return inPages([...capturesKey, "list", query], (cursor, signal) =>
    unwrap(api.GET("/admin/api/forensics/logs", { params: { query: { ...query, limit: 100, ...cursor } }, signal })),
  );
}

/** The captures in numbers. */
export const captureStatsQuery = queryOptions({
  queryKey: [...capturesKey, "stats"],
  queryFn: ({ signal }) => unwrap(api.GET("/admin/api/forensics/stats", { signal })),
  refetchInterval: 30_000,
});

/** The text of a capture. */
export function captureTextQuery(id: string) {
  return queryOptions({
    queryKey: [...capturesKey, "text", id],
    queryFn: ({ signal }) =>
      unwrap(api.GET("/admin/api/forensics/logs/{id}", { params: { path: { id } }, parseAs: "text", signal })),
    staleTime: Number.POSITIVE_INFINITY,
  });
}
