import { useInfiniteQuery } from "@tanstack/react-query";
import { RefreshCcw, Server, Square, TimerReset } from "lucide-react";
import { useState } from "react";
import type { AdminInstance } from "@/api/admin";
import { Badge, type Tone } from "@/components/ui/badge";
import type { Column } from "@/components/ui/table";
import { useServerNow } from "@/lib/clock";
import { formatBytes, formatMoment } from "@/lib/format";
import { formatClock } from "@/lib/time";
import { ChallengeFilter } from "../kit/challenge-filter";
import { CsvLink } from "../kit/csv";
import { ChoiceFilter, FilterBar, SearchFilter } from "../kit/fields";
import { useFilters } from "../kit/filters";
import { List, Opener, ownerColumn } from "../kit/list";
import { useAfterEvents } from "../kit/live";
import { OwnerFilter } from "../kit/owner-field";
import { Section } from "../kit/page";
import { Button } from "../kit/takes";
import { text } from "../text";
import { Bulk, type Verb } from "./bulk";
import { instancesQuery, selecting } from "./queries";
import { useExtend, useRestart } from "./restart";
import { StopDialog } from "./stop-dialog";

const tones: Record<AdminInstance["state"], Tone> = {
  queued: "accent",
  starting: "busy",
  running: "good",
  sleeping: "neutral",
  stopping: "neutral",
  stopped: "neutral",
  failed: "bad",
};

const icons = { extend: TimerReset, restart: RefreshCcw, stop: Square };

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
  return ["queued", "starting", "running", "sleeping"].includes(state);
}

/** Whether its time runs. */
function isTimed({ state }: AdminInstance): boolean {
  return state === "running" || state === "sleeping";
}

/** Everybody's instances: filters and order in the address, many stopped at once. */
export function Instances() {
  const [filters, setFilters] = useFilters();
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set());
  const [stopping, setStopping] = useState<AdminInstance>();
  const [bulk, setBulk] = useState<Verb>();
  const restart = useRestart();
  const extend = useExtend();
  const instances = useInfiniteQuery(instancesQuery(filters));
  useAfterEvents(
    ({ type }) => type.startsWith("instance"),
    () => instances.refetch(),
    2_000,
  );

  return (
    <Section
      title={text.dashboard.instances}
      actions={
        <>
          {(["extend", "restart", "stop"] as const).map((verb) => {
            const Icon = icons[verb];
            return (
              <Button
                takes="operator"
                key={verb}
                onClick={() => setBulk(verb)}
                className={verb === "stop" ? "text-bad" : ""}
              >
                <Icon aria-hidden className="size-3.5" />
                {picked.size > 0 ? text.bulk[verb].picked(picked.size) : text.bulk[verb].all}
              </Button>
            );
          })}
          <CsvLink list="instances" filters={selecting(filters)} />
        </>
      }
    >
      <div className="flex flex-col gap-4">
        <Selection />
        <List
          query={instances}
          rows={(pages) => pages.flatMap((page) => page.instances)}
          label={text.dashboard.instances}
          columns={columns(
            picked,
            setPicked,
            (id) => setFilters({ show: id }),
            setStopping,
            (row) => restart.mutate(row),
            (row) => extend.mutate(row),
          )}
          rowKey={({ id }) => id}
          order="-created"
          sorted
          isActive={({ id }) => picked.has(id)}
          nothing={{ icon: Server, title: text.dashboard.none }}
          count={text.dashboard.shown}
        />
      </div>
      {stopping && <StopDialog instance={stopping} onClose={() => setStopping(undefined)} />}
      {bulk && (
        <Bulk
          verb={bulk}
          filters={filters}
          ids={[...picked]}
          onDone={() => setPicked(new Set())}
          onClose={() => setBulk(undefined)}
        />
      )}
    </Section>
  );
}

function Selection() {
  return (
    <FilterBar>
      <SearchFilter name="q" label={text.dashboard.search} />
      <ChoiceFilter
        name="state"
        label={text.dashboard.state}
        choices={[
          { value: "", label: text.dashboard.live },
          { value: "all", label: text.all },
          ...(Object.keys(tones) as AdminInstance["state"][]).map((value) => ({ value, label: text.state[value] })),
        ]}
      />
      <ChallengeFilter />
      <OwnerFilter />
    </FilterBar>
  );
}

function columns(
  picked: ReadonlySet<string>,
  pick: (ids: ReadonlySet<string>) => void,
  show: (id: string) => void,
  stop: (instance: AdminInstance) => void,
  restart: (instance: AdminInstance) => void,
  extend: (instance: AdminInstance) => void,
): Column<AdminInstance>[] {
  const byServer = () => 0; // the list comes in the order that was asked for
  return [
    {
      id: "pick",
      phone: "none",
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
      phone: "first",
      header: text.dashboard.state,
      width: "8.5rem",
      sort: byServer,
      cell: ({ state }) => <StateBadge state={state} />,
    },
    {
      id: "challenge",
      phone: "first",
      header: text.logs.challenge,
      width: "minmax(11rem,1.5fr)",
      sort: byServer,
      cell: (row) => (
        <Opener label={text.dashboard.show(row.challenge_name, row.owner.name)} onOpen={() => show(row.id)}>
          {row.challenge_name}
        </Opener>
      ),
    },
    ownerColumn((row) => row.owner),
    {
      id: "created",
      phone: "none",
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
    {
      id: "memory",
      phone: "none",
      header: text.dashboard.limit,
      width: "7rem",
      end: true,
      cell: ({ memory }) => formatBytes(memory),
    },
    {
      id: "stop",
      header: text.dashboard.actions,
      width: "10rem",
      end: true,
      phone: "first",
      cell: (row) =>
        isLive(row) && (
          <>
            {isTimed(row) && (
              <Button
                takes="operator"
                look="ghost"
                size="icon"
                aria-label={text.dashboard.extendOf(row.id)}
                title={text.dashboard.extend}
                onClick={() => extend(row)}
              >
                <TimerReset aria-hidden className="size-4" />
              </Button>
            )}
            <Button
              takes="operator"
              look="ghost"
              size="icon"
              aria-label={text.dashboard.restartOf(row.id)}
              title={text.dashboard.restart}
              onClick={() => restart(row)}
            >
              <RefreshCcw aria-hidden className="size-4" />
            </Button>
            <Button
              takes="operator"
              look="ghost"
              size="icon"
              aria-label={text.dashboard.stopOf(row.id)}
              title={text.dashboard.stop}
              onClick={() => stop(row)}
            >
              <Square aria-hidden className="size-4 fill-current" />
            </Button>
          </>
        ),
    },
  ];
}

function Left({ instance }: { instance: AdminInstance }) {
  const now = useServerNow();
  if (!instance.expires_at || !isTimed(instance)) return text.none;
  return formatClock((Date.parse(instance.expires_at) - now) / 1000);
}
