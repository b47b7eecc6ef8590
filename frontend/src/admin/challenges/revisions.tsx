import { useInfiniteQuery } from "@tanstack/react-query";
import { History } from "lucide-react";
import { useState } from "react";
import type { AdminChallenge, Revision } from "@/api/admin";
import { Badge } from "@/components/ui/badge";
import type { Column } from "@/components/ui/table";
import { formatMoment, formatNumber } from "@/lib/format";
import { Clip, ClipCode, List, Opener } from "../kit/list";
import { useAfterEvents } from "../kit/live";
import { text } from "../text";
import { ChangesDialog } from "./changes";
import { revisionsQuery } from "./queries";

/** Which revisions a challenge had, what changed in each, and how many instances go on with an earlier one. */
export function Revisions({ challenge }: { challenge: AdminChallenge }) {
  const revisions = useInfiniteQuery(revisionsQuery(challenge.id));
  useAfterEvents(
    (event) => event.challenge === challenge.id,
    () => revisions.refetch(),
    2_000,
  );
  const [compared, setCompared] = useState<Revision>();
  return (
    <div className="flex flex-col gap-4">
      <p className="max-w-prose text-ink-soft text-sm">{text.revisions.lead}</p>
      <List
        query={revisions}
        rows={(pages) => pages.flatMap((page) => page.revisions)}
        label={text.challenges.revisions}
        columns={columnsWith(setCompared)}
        onRow={setCompared}
        rowKey={({ loaded_at, revision }) => `${loaded_at} ${revision}`}
        nothing={{ icon: History, title: text.revisions.noneTitle, text: text.revisions.noneText }}
      />
      {compared && (
        <ChangesDialog
          challenge={challenge}
          revision={compared}
          others={revisions.data?.pages.flatMap((page) => page.revisions) ?? []}
          onClose={() => setCompared(undefined)}
        />
      )}
    </div>
  );
}

const columnsWith = (compare: (row: Revision) => void): Column<Revision>[] => [
  { id: "at", header: text.revisions.since, width: "12.5rem", cell: (row) => formatMoment(row.loaded_at) },
  {
    id: "revision",
    header: text.dashboard.revision,
    width: "minmax(11rem,1fr)",
    cell: (row) => <ClipCode>{row.revision}</ClipCode>,
  },
  {
    id: "origin",
    header: text.revisions.origin,
    width: "minmax(13rem,1fr)",
    cell: (row) => <Clip>{text.revisions.origins[row.origin](row.by)}</Clip>,
  },
  {
    id: "changes",
    header: text.revisions.compare,
    width: "7rem",
    cell: (row) => (
      <Opener label={text.revisions.compareOf(row.revision)} onOpen={() => compare(row)}>
        {text.revisions.compare}
      </Opener>
    ),
  },
  {
    id: "state",
    header: text.challenges.state,
    width: "9rem",
    cell: ({ current, live }) =>
      current ? (
        <Badge tone="good">{text.revisions.current}</Badge>
      ) : live > 0 ? (
        <Badge tone="busy">{text.revisions.inUse}</Badge>
      ) : (
        <Badge>{text.revisions.earlier}</Badge>
      ),
  },
  { id: "live", header: text.revisions.live, width: "8rem", end: true, cell: ({ live }) => formatNumber(live) },
  {
    id: "instances",
    header: text.revisions.instances,
    width: "10rem",
    end: true,
    cell: ({ instances }) => formatNumber(instances),
  },
];
