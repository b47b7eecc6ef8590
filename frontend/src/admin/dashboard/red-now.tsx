import { queryOptions, useQuery } from "@tanstack/react-query";
import { CircleCheck, TriangleAlert } from "lucide-react";
import type { components } from "@/api/schema";
import { challengesQuery } from "../challenges/queries";
import { TabLink } from "../kit/link";
import { text } from "../text";
import { configQuery, seriesQuery } from "./queries";
import { redNow } from "./red";

/** Whether all that Whaley needs is as it should be; that something is not is an answer too, with 503. */
const healthQuery = queryOptions({
  queryKey: ["admin", "health"],
  queryFn: async ({ signal }) =>
    (await (await fetch("/health/ready", { signal })).json()) as components["schemas"]["Ready"],
  refetchInterval: 10_000,
});

/** The one line to look at first: what is red now, or that nothing is. */
export function RedNow() {
  const health = useQuery(healthQuery).data;
  const challenges = useQuery(challengesQuery).data;
  const lastHour = useQuery(seriesQuery("60")).data;
  const config = useQuery(configQuery).data;
  if (!health) return <div className="h-12" />;
  const red = redNow({ health, challenges, lastHour, notice: config?.notice });
  return (
    <section aria-label={text.red.title} className="min-w-0">
      {red.length === 0 ? (
        <p className="flex min-h-12 flex-wrap items-center gap-x-3 gap-y-1 rounded-xl border border-good/40 bg-good-ground px-4 py-2 text-sm">
          <CircleCheck aria-hidden className="size-4 shrink-0 text-good" />
          <span>{text.red.none(health.dependencies.length)}</span>
          <span className="break-all text-ink-soft sm:ml-auto">{text.red.version(config?.version ?? "")}</span>
        </p>
      ) : (
        <div className="flex flex-wrap items-center gap-x-4 gap-y-2 rounded-xl border border-bad/40 bg-bad-ground px-4 py-2 text-sm">
          <p className="flex items-center gap-2 font-semibold">
            <TriangleAlert aria-hidden className="size-4 shrink-0 text-bad" /> {text.red.count(red.length)}
          </p>
          <ul className="flex min-w-0 flex-1 basis-72 flex-wrap gap-x-4 gap-y-1">
            {red.map(({ key, says, to, filters }) => (
              <li key={key} className="flex min-h-8 items-center break-words">
                {to ? (
                  <TabLink to={to} {...(filters && { filters })} className="underline underline-offset-4">
                    {says}
                  </TabLink>
                ) : (
                  says
                )}
              </li>
            ))}
          </ul>
          <span className="break-all text-ink-soft">{text.red.version(config?.version ?? "")}</span>
        </div>
      )}
    </section>
  );
}
