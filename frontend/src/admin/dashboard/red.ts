import type { AdminChallenge } from "@/api/admin";
import type { components } from "@/api/schema";
import type { Filters } from "../kit/filters";
import { text } from "../text";

type Health = components["schemas"]["Ready"];
type Series = components["schemas"]["Series"]["parts"];

/** Something that needs an organiser now, and where it is seen to. */
export type Red = { key: string; says: string; to?: string; filters?: Filters };

type Known = {
  health: Health | undefined;
  challenges: AdminChallenge[] | undefined;
  lastHour: Series | undefined;
  notice: string | undefined;
};

/** How many minutes back a failure counts as one of now. */
const recent = 5;

/** What is red now, worst first. What is not known yet is not red. */
export function redNow({ health, challenges, lastHour, notice }: Known): Red[] {
  const red: Red[] = [];
  for (const { name, status } of health?.dependencies ?? []) {
    if (status !== "ok") red.push({ key: `health ${name}`, says: text.red.dependency(text.red.names[name] ?? name) });
  }
  const unbuilt = (challenges ?? []).filter(({ images, unbuilt }) => images === "failed" || unbuilt !== "");
  for (const { id, name } of unbuilt) {
    red.push({
      key: `build ${id}`,
      says: text.red.build(name),
      to: `/challenges/${encodeURIComponent(id)}`,
      filters: { view: "build" },
    });
  }
  const broken = (challenges ?? []).filter(({ loaded }) => !loaded).length;
  if (broken > 0) {
    red.push({ key: "broken", says: text.red.broken(broken), to: "/challenges", filters: { state: "problems" } });
  }
  const failures = (lastHour ?? []).slice(-recent).reduce((sum, { failed }) => sum + failed, 0);
  if (failures > 0) {
    red.push({ key: "failures", says: text.red.failures(failures, recent), to: "/", filters: { state: "failed" } });
  }
  if (notice) red.push({ key: "drain", says: text.red.paused });
  return red;
}
