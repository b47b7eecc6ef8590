import { queryOptions } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";
import { inPages } from "../kit/pages";

/** The first words of the keys of all that is about settings. */
export const settingsKey = ["admin", "settings"] as const;

/** Every setting with its value, its bounds and what explains it. */
export const settingsQuery = queryOptions({
  queryKey: [...settingsKey, "now"],
  queryFn: async ({ signal }) => (await unwrap(api.GET("/admin/api/settings", { signal }))).settings,
});

/** Who changed which setting, newest first. */
export const historyQuery = inPages([...settingsKey, "history"], (cursor, signal) =>
  unwrap(api.GET("/admin/api/settings/history", { params: { query: { limit: 50, ...cursor } }, signal })),
);
