import { useQuery } from "@tanstack/react-query";
import { ScanSearch } from "lucide-react";
import { api, unwrap } from "@/api/client";
import { Notice } from "@/components/ui/notice";
import { Segmented } from "@/components/ui/segmented";
import { formatMoment, formatNumber } from "@/lib/format";
import { useAction } from "../kit/action";
import { useFilters } from "../kit/filters";
import { useAfterEvents } from "../kit/live";
import { Loaded } from "../kit/loaded";
import { Page, Stat, Stats } from "../kit/page";
import { Button } from "../kit/takes";
import { text } from "../text";
import { Issued } from "./issued";
import { Mappings } from "./mappings";
import { flagsKey, overviewQuery } from "./queries";
import { Review } from "./review";

/** Whose flag is which, which challenges CTFd knows, and who may have shared. */
export function FlagsPage() {
  const [filters, setFilters] = useFilters();
  const overview = useQuery(overviewQuery);
  useAfterEvents(
    ({ type }) => type.includes("flag") || type.includes("suspicious"),
    () => overview.refetch(),
    2_000,
  );
  const view = filters.view ?? "review";
  return (
    <Page title={text.tabs.flags} lead={text.flags.lead} actions={<Check />}>
      <Loaded query={overview} className="h-28">
        {(now) => (
          <div className="flex flex-col gap-3">
            {now.last_check.problem !== "" && <Notice>{text.flags.checkProblem(now.last_check.problem)}</Notice>}
            {now.doubtful.length > 0 && <Notice>{text.flags.doubtful(now.doubtful.join(", "))}</Notice>}
            {now.ctfd && now.unmapped.length > 0 && <Notice>{text.flags.unmapped(now.unmapped.join(", "))}</Notice>}
            <Stats>
              <Stat
                name={text.flags.toReview}
                value={formatNumber(now.suspicious.open)}
                more={text.flags.ofAll(now.suspicious.total)}
              />
              <Stat name={text.flags.inUse} value={formatNumber(now.flags)} more={text.flags.owners(now.owners)} />
              <Stat
                name={text.flags.registered}
                value={now.ctfd ? formatNumber(now.registrations.live ?? 0) : text.none}
                more={
                  now.ctfd
                    ? text.flags.waiting(now.registrations.pending ?? 0, now.registrations.failed ?? 0)
                    : text.flags.noCTFd
                }
              />
              <Stat
                name={text.flags.lastCheck}
                value={now.last_check.checked_at ? formatMoment(now.last_check.checked_at).slice(11) : text.none}
                more={text.flags.submissions(formatNumber(now.last_check.submissions))}
              />
            </Stats>
          </div>
        )}
      </Loaded>
      <Segmented
        label={text.flags.view}
        value={view}
        onChange={(next) => setFilters({ view: next === "review" ? undefined : next })}
        options={[
          { value: "review", label: text.flags.viewReview },
          { value: "issued", label: text.flags.viewIssued },
          { value: "mappings", label: text.flags.viewMappings },
        ]}
      />
      {view === "issued" ? <Issued /> : view === "mappings" ? <Mappings /> : <Review />}
    </Page>
  );
}

/** Reads CTFd's submissions now, all of them. */
function Check() {
  const check = useAction<boolean>({
    act: (full) => unwrap(api.POST("/admin/api/flags/check-submissions", { params: { query: { full_scan: full } } })),
    done: (answer) => {
      const { examined, new_suspicious_count } = answer as { examined: number; new_suspicious_count: number };
      return text.flags.checked(examined, new_suspicious_count);
    },
    failed: text.flags.checkFailed,
    renews: [flagsKey],
  });
  return (
    <Button
      takes="operator"
      title={text.flags.checkHint}
      onClick={() => !check.isPending && check.mutate(true)}
      aria-disabled={check.isPending || undefined}
    >
      <ScanSearch aria-hidden className="size-4" /> {check.isPending ? text.flags.checking : text.flags.check}
    </Button>
  );
}
