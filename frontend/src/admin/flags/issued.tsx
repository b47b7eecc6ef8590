import { useInfiniteQuery } from "@tanstack/react-query";
import { Flag, RefreshCw, Trash2 } from "lucide-react";
import { useState } from "react";
import type { IssuedFlag } from "@/api/admin";
import { api, unwrap } from "@/api/client";
import { Badge, type Tone } from "@/components/ui/badge";
import { CopyButton } from "@/components/ui/copy-button";
import { Switch } from "@/components/ui/field";
import type { Column } from "@/components/ui/table";
import { formatMoment } from "@/lib/format";
import { useAction } from "../kit/action";
import { ChallengeFilter } from "../kit/challenge-filter";
import { CsvLink } from "../kit/csv";
import { ChoiceFilter, everything, FilterBar } from "../kit/fields";
import { useFilters } from "../kit/filters";
import { ClipCode, challengeColumn, List, ownerColumn } from "../kit/list";
import { OwnerFilter } from "../kit/owner-field";
import { Button } from "../kit/takes";
import { TypeToConfirm } from "../kit/type-to-confirm";
import { text } from "../text";
import { flagsKey, issuedQuery, registrations, selectingFlags } from "./queries";

const tones: Record<string, Tone> = { live: "good", pending: "busy", failed: "bad", local: "neutral" };

type Asked = { what: "retire" | "rotate" | "owner"; flag: IssuedFlag };

/** Every flag, whose it is, and whether CTFd takes it. */
export function Issued() {
  const [filters, setFilters] = useFilters();
  const [asked, setAsked] = useState<Asked>();
  const flags = useInfiniteQuery(issuedQuery(filters));
  const act = useAction<Asked>({
    act: ({ what, flag }) => {
      const path = { id: flag.id };
      if (what === "rotate") return unwrap(api.POST("/admin/api/flags/{id}/rotate", { params: { path } }));
      if (what === "retire") return unwrap(api.DELETE("/admin/api/flags/{id}", { params: { path } }));
      return unwrap(api.DELETE("/admin/api/flags/user/{id}", { params: { path: { id: flag.owner.id } } }));
    },
    done: (_, { what, flag }) => text.flags.acted[what](flag.owner.name),
    failed: text.flags.actFailed,
    renews: [flagsKey],
  });

  return (
    <div className="flex flex-col gap-4">
      <FilterBar
        actions={
          <CsvLink
            list="flags"
            filters={{ ...selectingFlags(filters), history: filters.history === "true" ? "true" : undefined }}
          />
        }
      >
        <ChallengeFilter />
        <OwnerFilter />
        <ChoiceFilter
          name="state"
          label={text.flags.inCTFd}
          choices={[everything, ...registrations.map((value) => ({ value, label: text.flags.states[value] }))]}
        />
        <div className="flex h-10 items-center gap-3">
          <Switch
            label={text.flags.history}
            checked={filters.history === "true"}
            onChange={(on) => setFilters({ history: on ? "true" : undefined })}
          />
          <span className="text-sm">{text.flags.history}</span>
        </div>
      </FilterBar>
      <List
        query={flags}
        rows={(pages) => pages.flatMap((page) => page.flags)}
        label={text.flags.viewIssued}
        columns={columns(setAsked)}
        rowKey={({ id }) => id}
        nothing={{ icon: Flag, title: text.flags.issuedNoneTitle, text: text.flags.issuedNoneText }}
      />
      {asked && (
        <TypeToConfirm
          open
          title={text.flags.ask[asked.what](asked.flag.owner.name, asked.flag.challenge_id)}
          name={asked.flag.owner.name}
          confirm={text.flags.confirm[asked.what]}
          onConfirm={() => act.mutate(asked)}
          onClose={() => setAsked(undefined)}
        >
          {text.flags.why[asked.what]}
        </TypeToConfirm>
      )}
    </div>
  );
}

function columns(ask: (asked: Asked) => void): Column<IssuedFlag>[] {
  return [
    challengeColumn((row) => (row.part_name ? `${row.challenge_id}, ${row.part_name}` : row.challenge_id)),
    ownerColumn((row) => row.owner),
    {
      id: "flag",
      header: text.flags.flag,
      width: "minmax(18rem,2fr)",
      cell: (row) => (
        <>
          <ClipCode>{row.value}</ClipCode>
          <CopyButton value={row.value} what={text.flags.flagOf(row.owner.name)} />
        </>
      ),
    },
    {
      id: "state",
      header: text.flags.inCTFd,
      width: "9rem",
      sort: (row) => row.state,
      cell: (row) => {
        const reason = row.registrations
          .map((one) => one.reason)
          .filter(Boolean)
          .join(" ");
        if (row.retired_at) return <Badge>{text.flags.retired}</Badge>;
        return (
          <span title={reason || undefined}>
            <Badge tone={tones[row.state] ?? "neutral"}>{text.flags.states[row.state || "local"]}</Badge>
          </span>
        );
      },
    },
    {
      id: "created",
      header: text.flags.made,
      width: "12.5rem",
      sort: (row) => row.created_at,
      cell: (row) => formatMoment(row.created_at),
    },
    {
      id: "actions",
      header: text.flags.actions,
      width: "8rem",
      end: true,
      cell: (flag) =>
        !flag.retired_at && (
          <>
            <Button
              takes="operator"
              look="ghost"
              size="icon"
              aria-label={text.flags.rotateOf(flag.owner.name)}
              title={text.flags.confirm.rotate}
              onClick={() => ask({ what: "rotate", flag })}
            >
              <RefreshCw aria-hidden className="size-4" />
            </Button>
            <Button
              takes="operator"
              look="ghost"
              size="icon"
              aria-label={text.flags.retireOf(flag.owner.name)}
              title={text.flags.confirm.retire}
              onClick={() => ask({ what: "retire", flag })}
            >
              <Trash2 aria-hidden className="size-4" />
            </Button>
          </>
        ),
    },
  ];
}
