import { useInfiniteQuery } from "@tanstack/react-query";
import { ShieldCheck, Trash2 } from "lucide-react";
import { useState } from "react";
import type { ReviewState, Suspicion } from "@/api/admin";
import { api, unwrap } from "@/api/client";
import { Badge, type Tone } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Field, Input, Select } from "@/components/ui/field";
import { type Column, Table } from "@/components/ui/table";
import { formatMoment } from "@/lib/format";
import { useAction } from "../kit/action";
import { useFilters } from "../kit/filters";
import { Loaded, Nothing } from "../kit/loaded";
import { More } from "../kit/more";
import { TypeToConfirm } from "../kit/type-to-confirm";
import { text } from "../text";
import { flagsKey, reviews, suspiciousQuery } from "./queries";
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
  const rows = list.data?.pages.flatMap((page) => page.suspicious) ?? [];
  const shown = rows.find(({ id }) => id === filters.entry);

  return (
    <div className="flex flex-col gap-4">
      <div className="grid grid-cols-2 items-end gap-3 lg:grid-cols-[11rem_11rem_12rem_12rem_minmax(0,1fr)]">
        <Field label={text.flags.review}>
          {(ids) => (
            <Select
              {...ids}
              value={filters.review ?? "open"}
              onChange={(event) =>
                setFilters({ review: event.target.value === "open" ? undefined : event.target.value })
              }
            >
              {reviews.map((review) => (
                <option key={review} value={review}>
                  {text.flags.reviews[review]}
                </option>
              ))}
              <option value="all">{text.all}</option>
            </Select>
          )}
        </Field>
        <Field label={text.flags.kind}>
          {(ids) => (
            <Select {...ids} value={filters.kind ?? ""} onChange={(event) => setFilters({ kind: event.target.value })}>
              <option value="">{text.all}</option>
              <option value="sharing">{text.flags.kinds.sharing}</option>
              <option value="solve">{text.flags.kinds.solve}</option>
            </Select>
          )}
        </Field>
        {(["challenge", "owner"] as const).map((name) => (
          <Field key={name} label={text.logs[name]}>
            {(ids) => (
              <Input
                {...ids}
                value={filters[name] ?? ""}
                onChange={(event) => setFilters({ [name]: event.target.value.trim() })}
              />
            )}
          </Field>
        ))}
        <div className="col-span-2 flex lg:col-span-1 lg:justify-end">
          <Button look="danger" onClick={() => setClearing(true)}>
            <Trash2 aria-hidden className="size-4" /> {text.flags.clear}
          </Button>
        </div>
      </div>
      <Loaded query={list}>
        {() =>
          rows.length === 0 ? (
            <Nothing icon={ShieldCheck} title={text.flags.reviewNoneTitle}>
              {text.flags.reviewNoneText}
            </Nothing>
          ) : (
            <Table
              label={text.flags.viewReview}
              columns={columns((id) => setFilters({ entry: id }))}
              rows={rows}
              rowKey={({ id }) => id}
              sort={filters.sort ?? ""}
              onSort={(sort) => setFilters({ sort })}
              onRow={({ id }) => setFilters({ entry: id })}
              footer={list.hasNextPage && <More query={list} />}
            />
          )
        }
      </Loaded>
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
        <button
          type="button"
          aria-label={text.flags.show(row.submitter.owner.name)}
          className="cursor-pointer whitespace-nowrap text-accent tabular-nums underline decoration-accent-line underline-offset-4"
          onClick={(click) => {
            click.stopPropagation();
            show(row.id);
          }}
        >
          {formatMoment(row.found_at)}
        </button>
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
    {
      id: "submitter",
      header: text.flags.submitter,
      width: "minmax(9rem,1fr)",
      sort: (row) => row.submitter.owner.name,
      cell: (row) => <span className="truncate">{row.submitter.owner.name}</span>,
    },
    {
      id: "owner",
      header: text.flags.flagOwner,
      width: "minmax(9rem,1fr)",
      sort: (row) => row.flag_owner?.owner.name ?? "",
      cell: (row) => <span className="truncate">{row.flag_owner?.owner.name ?? text.none}</span>,
    },
    {
      id: "challenge",
      header: text.logs.challenge,
      width: "minmax(8rem,1fr)",
      sort: (row) => row.challenge_id,
      cell: (row) => <span className="truncate">{row.challenge_id}</span>,
    },
    {
      id: "reasons",
      header: text.flags.reasons,
      width: "minmax(14rem,2fr)",
      cell: (row) => {
        const all = row.reasons.map((reason) => reason.text).join(" ");
        return (
          <span className="truncate" title={all}>
            {all}
          </span>
        );
      },
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
