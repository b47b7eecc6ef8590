import { useQuery } from "@tanstack/react-query";
import { Badge } from "@/components/ui/badge";
import { formatMoment } from "@/lib/format";
import { TabLink } from "../kit/link";
import { text } from "../text";
import { draftsQuery } from "./draft-queries";

/** What organisers are changing; nothing while there is none. */
export function Drafts() {
  const drafts = useQuery(draftsQuery);
  if (!drafts.data || drafts.data.length === 0) return null;
  return (
    <section aria-labelledby="drafts" className="rounded-xl border border-line bg-card p-4">
      <h2 id="drafts" className="font-semibold">
        {text.drafts.list}
      </h2>
      <p className="text-ink-soft text-sm">{text.drafts.listText}</p>
      <ul className="mt-2 flex flex-col divide-y divide-line">
        {drafts.data.map(({ id, name, exists, stale, problems, by, at }) => (
          <li key={id} className="flex min-h-10 flex-wrap items-center gap-x-3 gap-y-1 py-1.5">
            <TabLink
              to={`/challenges/${encodeURIComponent(id)}`}
              className="min-w-0 break-words text-accent underline decoration-accent-line underline-offset-4"
            >
              {name}
            </TabLink>
            {!exists && <Badge tone="accent">{text.drafts.newOne}</Badge>}
            {problems.length > 0 && <Badge tone="bad">{text.challenges.outdated}</Badge>}
            {stale && <Badge tone="busy">{text.drafts.stale}</Badge>}
            <span className="min-w-0 break-words text-ink-soft text-sm sm:ml-auto">
              {[at && formatMoment(at), by].filter(Boolean).join(" · ")}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
