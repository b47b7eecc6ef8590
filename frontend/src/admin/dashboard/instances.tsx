import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Download, Server, Square } from "lucide-react";
import { useState } from "react";
import type { AdminInstance } from "@/api/admin";
import { Badge, type Tone } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Field, Input, Select } from "@/components/ui/field";
import { SearchField } from "@/components/ui/search-field";
import { type Column, Table } from "@/components/ui/table";
import { useServerNow } from "@/lib/clock";
import { formatBytes, formatMoment } from "@/lib/format";
import { formatClock } from "@/lib/time";
import { useFilters } from "../kit/filters";
import { useAfterEvents } from "../kit/live";
import { Loaded } from "../kit/loaded";
import { More } from "../kit/more";
import { Section } from "../kit/page";
import { text } from "../text";
import { BulkStop } from "./bulk-stop";
import { challengeNamesQuery, instancesQuery, selecting } from "./queries";
import { StopDialog } from "./stop-dialog";

const tones: Record<AdminInstance["state"], Tone> = {
  queued: "accent",
  starting: "busy",
  running: "good",
  stopping: "neutral",
  stopped: "neutral",
  failed: "bad",
};

/** The state of an instance, in a word. */
export function StateBadge({ state }: { state: AdminInstance["state"] }) {
  return (
    <Badge tone={tones[state]} pulse={["queued", "starting", "stopping"].includes(state)}>
      {text.state[state]}
    </Badge>
  );
}

/** Whether there is something to stop. */
export function isLive({ state }: AdminInstance): boolean {
  return ["queued", "starting", "running"].includes(state);
}

/** Everybody's instances: filters and order in the address, many stopped at once. */
export function Instances() {
  const [filters, setFilters] = useFilters();
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set());
  const [stopping, setStopping] = useState<AdminInstance>();
  const [bulk, setBulk] = useState(false);
  const instances = useInfiniteQuery(instancesQuery(filters));
  useAfterEvents(
    ({ type }) => type.startsWith("instance"),
    () => instances.refetch(),
    2_000,
  );
  const query = new URLSearchParams(selecting(filters)).toString();

  return (
    <Section
      title={text.dashboard.instances}
      actions={
        <>
          <Button look="danger" onClick={() => setBulk(true)}>
            <Square aria-hidden className="size-3.5" />
            {picked.size > 0 ? text.dashboard.stopPicked(picked.size) : text.dashboard.stopAll}
          </Button>
          <Button asChild>
            <a href={`/admin/api/export/instances.csv?${query}`} download>
              <Download aria-hidden className="size-4" /> {text.dashboard.csv}
            </a>
          </Button>
        </>
      }
    >
      <div className="flex flex-col gap-4">
        <FilterFields filters={filters} onChange={setFilters} />
        <Loaded query={instances} className="h-96">
          {({ pages }) => {
            const rows = pages.flatMap((page) => page.instances);
            return (
              <Table
                label={text.dashboard.instances}
                columns={columns(picked, setPicked, (id) => setFilters({ show: id }), setStopping)}
                rows={rows}
                rowKey={({ id }) => id}
                sort={filters.sort ?? "-created"}
                onSort={(sort) => setFilters({ sort })}
                sorted
                isActive={({ id }) => picked.has(id)}
                empty={
                  <span className="flex flex-col items-center gap-2">
                    <Server aria-hidden className="size-7 text-accent" />
                    {text.dashboard.none}
                  </span>
                }
                footer={
                  rows.length > 0 && (
                    <>
                      <span className="text-ink-soft tabular-nums">{text.dashboard.shown(rows.length)}</span>
                      {instances.hasNextPage && <More query={instances} />}
                    </>
                  )
                }
              />
            );
          }}
        </Loaded>
      </div>
      {stopping && <StopDialog instance={stopping} onClose={() => setStopping(undefined)} />}
      {bulk && (
        <BulkStop
          filters={filters}
          ids={[...picked]}
          onDone={() => setPicked(new Set())}
          onClose={() => setBulk(false)}
        />
      )}
    </Section>
  );
}

type FilterProps = { filters: ReturnType<typeof useFilters>[0]; onChange: ReturnType<typeof useFilters>[1] };

function FilterFields({ filters, onChange }: FilterProps) {
  const challenges = useQuery(challengeNamesQuery).data;
  return (
    // biome-ignore lint/a11y/useSemanticElements: browsers from before 2023 do not know <search>
    <div role="search" className="grid grid-cols-2 items-end gap-3 lg:grid-cols-[minmax(0,1fr)_11rem_14rem_12rem]">
      <div className="col-span-2 flex lg:col-span-1">
        <SearchField
          label={text.dashboard.search}
          placeholder={text.dashboard.search}
          clear={text.search.clear}
          value={filters.q ?? ""}
          onChange={(q) => onChange({ q })}
        />
      </div>
      <Field label={text.dashboard.state}>
        {(ids) => (
          <Select {...ids} value={filters.state ?? ""} onChange={(event) => onChange({ state: event.target.value })}>
            <option value="">{text.dashboard.live}</option>
            <option value="all">{text.all}</option>
            {(["queued", "starting", "running", "stopping", "stopped", "failed"] as const).map((state) => (
              <option key={state} value={state}>
                {text.state[state]}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <Field label={text.logs.challenge}>
        {(ids) => (
          <Select
            {...ids}
            value={filters.challenge ?? ""}
            onChange={(event) => onChange({ challenge: event.target.value })}
          >
            <option value="">{text.all}</option>
            {challenges?.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <Field label={text.dashboard.ownerID} className="col-span-2 lg:col-span-1">
        {(ids) => (
          <Input
            {...ids}
            value={filters.owner ?? ""}
            onChange={(event) => onChange({ owner: event.target.value.trim() })}
          />
        )}
      </Field>
    </div>
  );
}

function columns(
  picked: ReadonlySet<string>,
  pick: (ids: ReadonlySet<string>) => void,
  show: (id: string) => void,
  stop: (instance: AdminInstance) => void,
): Column<AdminInstance>[] {
  const byServer = () => 0; // the list comes in the order that was asked for
  return [
    {
      id: "pick",
      header: text.dashboard.pick,
      width: "4.5rem",
      cell: (row) =>
        isLive(row) && (
          <input
            type="checkbox"
            aria-label={text.dashboard.pickOf(row.id)}
            checked={picked.has(row.id)}
            onChange={() => {
              const next = new Set(picked);
              if (!next.delete(row.id)) next.add(row.id);
              pick(next);
            }}
            className="size-5 accent-button"
          />
        ),
    },
    {
      id: "state",
      header: text.dashboard.state,
      width: "8.5rem",
      sort: byServer,
      cell: ({ state }) => <StateBadge state={state} />,
    },
    {
      id: "challenge",
      header: text.logs.challenge,
      width: "minmax(11rem,1.5fr)",
      sort: byServer,
      cell: (row) => (
        <button
          type="button"
          aria-label={text.dashboard.show(row.challenge_name, row.owner.name)}
          onClick={() => show(row.id)}
          className="min-w-0 cursor-pointer truncate text-accent underline decoration-accent-line underline-offset-4"
        >
          {row.challenge_name}
        </button>
      ),
    },
    {
      id: "owner",
      header: text.logs.owner,
      width: "minmax(9rem,1fr)",
      sort: byServer,
      cell: ({ owner }) => (
        <span className="truncate" title={owner.id}>
          {owner.name}
        </span>
      ),
    },
    {
      id: "created",
      header: text.dashboard.created,
      width: "12.5rem",
      sort: byServer,
      cell: (row) => formatMoment(row.created_at),
    },
    {
      id: "expires",
      header: text.dashboard.left,
      width: "7rem",
      end: true,
      sort: byServer,
      cell: (row) => <Left instance={row} />,
    },
    { id: "memory", header: text.dashboard.limit, width: "7rem", end: true, cell: ({ memory }) => formatBytes(memory) },
    {
      id: "stop",
      header: text.dashboard.stop,
      width: "5rem",
      end: true,
      cell: (row) =>
        isLive(row) && (
          <Button look="ghost" size="icon" aria-label={text.dashboard.stopOf(row.id)} onClick={() => stop(row)}>
            <Square aria-hidden className="size-4" />
          </Button>
        ),
    },
  ];
}

function Left({ instance }: { instance: AdminInstance }) {
  const now = useServerNow();
  if (!instance.expires_at || instance.state !== "running") return text.none;
  return formatClock((Date.parse(instance.expires_at) - now) / 1000);
}
