import type { AdminEvent } from "@/api/admin";
import type { Filters } from "../kit/filters";

/** Whether an event that has just happened belongs to what the filters select. The server's search works alike. */
export function matches(event: AdminEvent, filters: Filters): boolean {
  if (filters.type && !filters.type.split(",").includes(event.type)) return false;
  for (const name of ["challenge", "owner", "player", "instance"] as const) {
    if (filters[name] && event[name] !== filters[name]) return false;
  }
  if (filters.from && Date.parse(event.at) < new Date(filters.from).getTime()) return false;
  const words = (filters.q ?? "").toLocaleLowerCase().split(/\s+/).filter(Boolean);
  const message = event.message.toLocaleLowerCase();
  return words.every((word) => message.includes(word));
}
