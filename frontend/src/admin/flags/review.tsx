import { useInfiniteQuery } from "@tanstack/react-query";
import { ShieldCheck, Trash2 } from "lucide-react";
import { useState } from "react";
import type { ReviewState, Suspicion } from "@/api/admin";
import { api, unwrap } from "@/api/client";
import { Badge, type Tone } from "@/components/ui/badge";
import type { Column } from "@/components/ui/table";
import { formatMoment } from "@/lib/format";
import { useAction } from "../kit/action";
import { ChallengeFilter } from "../kit/challenge-filter";
import { CsvLink } from "../kit/csv";
import { ChoiceFilter, everything, FilterBar } from "../kit/fields";
import { useFilters } from "../kit/filters";
import { Clip, challengeColumn, List, Opener, ownerColumn } from "../kit/list";
import { OwnerFilter } from "../kit/owner-field";
import { Button } from "../kit/takes";
import { TypeToConfirm } from "../kit/type-to-confirm";
import { text } from "../text";
import { flagsKey, selectingSuspicious, suspiciousQuery } from "./queries";
import { SuspicionDialog } from "./suspicion-dialog";

const tones: Record<ReviewState, Tone> = { open: "busy", confirmed: "bad", dismissed: "neutral" };

/** What became of an entry, in a word. */
export function ReviewBadge({ review }: { review: ReviewState }) {
  return <Badge tone={tones[review]}>{text.flags.reviews[review]}</Badge>;
}

/** Who may have shared a flag, and solves that do not fit what the instance saw. */
export function Review() {
  const [filters, setFilters] = useFilters();
  const [clearing, setClearing] = useState(false);
  const list = useInfiniteQuery(suspiciousQuery(filters));
  const clear = useAction<void>({
    act: () => unwrap(api.DELETE("/admin/api/flags/suspicious")),
    done: (answer) => text.flags.cleared((answer as { cleared: number }).cleared),
    failed: text.flags.clearFailed,
    renews: [flagsKey],
  });
  const shown = list.data?.pages.flatMap((page) => page.suspicious).find(({ id }) => id === filters.entry);

  return (
    <div className="flex flex-col gap-4">
      <FilterBar
        actions={
          <>
            <CsvLink list="suspicious" filters={selectingSuspicious(filters)} />
            <Button takes="operator" look="danger" onClick={() => setClearing(true)}>
              <Trash2 aria-hidden className="size-4" /> {text.flags.clear}
            </Button>
          </>
        }
      >
        <ChoiceFilter
          name="review"
          label={text.flags.review}
          choices={[
            { value: "open", label: text.flags.reviews.open },
            { value: "confirmed", label: text.flags.reviews.confirmed },
            { value: "dismissed", label: text.flags.reviews.dismissed },
            { value: "all", label: text.all },
          ]}
        />
        <ChoiceFilter
          name="kind"
          label={text.flags.kind}
          choices={[
            everything,
            { value: "sharing", label: text.flags.kinds.sharing },
            { value: "solve", label: text.flags.kinds.solve },
          ]}
        />
        <ChallengeFilter />
        <OwnerFilter />
      </FilterBar>
      <List
        query={list}
        rows={(pages) => pages.flatMap((page) => page.suspicious)}
        label={text.flags.viewReview}
        columns={columns((id) => setFilters({ entry: id }))}
        rowKey={({ id }) => id}
        onRow={({ id }) => setFilters({ entry: id })}
        nothing={{ icon: ShieldCheck, title: text.flags.reviewNoneTitle, text: text.flags.reviewNoneText }}
      />
      {shown && <SuspicionDialog entry={shown} onClose={() => setFilters({ entry: undefined })} />}
      <TypeToConfirm
        open={clearing}
        title={text.flags.clear}
        name={text.flags.everything}
        confirm={text.flags.clear}
        onConfirm={() => clear.mutate()}
        onClose={() => setClearing(false)}
      >
        {text.flags.clearText}
      </TypeToConfirm>
    </div>
  );
}

function columns(show: (id: string) => void): Column<Suspicion>[] {
  return [
    {
      id: "at",
      header: text.flags.found,
      width: "12.5rem",
      sort: (row) => row.found_at,
      cell: (row) => (
        <Opener label={text.flags.show(row.submitter.owner.name)} onOpen={() => show(row.id)}>
          {formatMoment(row.found_at)}
        </Opener>
      ),
    },
    {
      id: "score",
      header: text.flags.score,
      width: "5rem",
      end: true,
      sort: (row) => row.score,
      cell: (row) => row.score,
    },
    {
      id: "kind",
      header: text.flags.kind,
      width: "9rem",
      sort: (row) => row.kind,
      cell: (row) => text.flags.kinds[row.kind],
    },
    ownerColumn((row) => row.submitter.owner, text.flags.submitter, "submitter"),
    ownerColumn((row) => row.flag_owner?.owner, text.flags.flagOwner),
    challengeColumn((row) => row.challenge_id),
    {
      id: "reasons",
      header: text.flags.reasons,
      width: "minmax(14rem,2fr)",
      cell: (row) => <Clip>{row.reasons.map((reason) => reason.text).join(" ")}</Clip>,
    },
    {
      id: "review",
      header: text.flags.review,
      width: "9rem",
      sort: (row) => row.review,
      cell: (row) => <ReviewBadge review={row.review} />,
    },
  ];
}
