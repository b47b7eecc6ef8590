import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { ScrollText } from "lucide-react";
import { useState } from "react";
import type { AdminEvent } from "@/api/admin";
import { Badge, type Tone } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Switch } from "@/components/ui/field";
import type { Column } from "@/components/ui/table";
import { formatMoment, formatNumber } from "@/lib/format";
import { ChallengeFilter } from "../kit/challenge-filter";
import { CsvLink } from "../kit/csv";
import { ChoiceFilter, everything, FilterBar, MomentFilter, SearchFilter, TextFilter } from "../kit/fields";
import { useFilters } from "../kit/filters";
import { Clip, List, Opener } from "../kit/list";
import { useEvents } from "../kit/live";
import { OwnerFilter } from "../kit/owner-field";
import { text } from "../text";
import { EventDialog } from "./event-dialog";
import { matches } from "./matches";
import { eventFilters, eventStatsQuery, eventsQuery, selecting } from "./queries";

const tones: Record<string, Tone> = { error: "bad", warning: "busy", warn: "busy", info: "neutral" };

/** A type of event, in the colour of how bad it is. */
export function EventType({ type, level }: { type: string; level: string }) {
  return <Badge tone={tones[level] ?? "neutral"}>{type.replaceAll("_", " ")}</Badge>;
}

const keepLive = 1_000; // events of the live tail; older ones are in the pages

/** The log of events: filters in the address, pages of the past, and what happens now on top. */
export function Events() {
  const [filters, setFilters] = useFilters();
  const [tail, setTail] = useState(true);
  const [fresh, setFresh] = useState<AdminEvent[]>([]);
  const [open, setOpen] = useState<AdminEvent>();
  const events = useInfiniteQuery(eventsQuery(filters));

  useEvents((event) => {
    if (tail && !filters.to && matches(event, filters)) setFresh((old) => [event, ...old].slice(0, keepLive));
  });

  return (
    <div className="flex flex-col gap-4">
      <Selection />
      <div className="flex flex-wrap items-center justify-between gap-3">
        <div className="flex min-h-10 items-center gap-3">
          <Switch label={text.logs.tail} checked={tail} onChange={setTail} />
          <span className="text-sm">{text.logs.tail}</span>
        </div>
        <div className="flex flex-wrap gap-2">
          <CsvLink list="events" filters={selecting(filters)} />
          {eventFilters.some((name) => filters[name]) && (
            <Button onClick={() => setFilters(Object.fromEntries(eventFilters.map((name) => [name, undefined])))}>
              {text.logs.reset}
            </Button>
          )}
        </div>
      </div>
      <List
        query={events}
        rows={(pages) => {
          const old = pages.flatMap((page) => page.events);
          const known = new Set(old.map(({ id }) => id));
          return [...fresh.filter((event) => !known.has(event.id) && matches(event, filters)), ...old];
        }}
        label={text.logs.viewEvents}
        columns={columns(setOpen)}
        rowKey={({ id }) => id}
        onRow={setOpen}
        nothing={{ icon: ScrollText, title: text.logs.none }}
        count={text.logs.shown}
      />
      <EventDialog
        event={open}
        onClose={() => setOpen(undefined)}
        onFilter={(change) => {
          setFilters(change);
          setOpen(undefined);
        }}
      />
    </div>
  );
}

function columns(show: (event: AdminEvent) => void): Column<AdminEvent>[] {
  return [
    {
      id: "at",
      header: text.logs.at,
      width: "12.5rem",
      cell: (event) => (
        <Opener label={text.logs.show(formatMoment(event.at), event.type)} onOpen={() => show(event)}>
          {formatMoment(event.at)}
        </Opener>
      ),
    },
    {
      id: "type",
      header: text.logs.type,
      width: "13rem",
      cell: ({ type, level }) => <EventType type={type} level={level} />,
    },
    {
      id: "message",
      header: text.logs.message,
      width: "minmax(18rem,3fr)",
      cell: ({ message }) => <Clip>{message}</Clip>,
    },
    ...(["challenge", "owner", "player"] as const).map((name) => ({
      id: name,
      header: text.logs[name],
      width: "minmax(8rem,1fr)",
      phone: name === "player" ? ("none" as const) : ("second" as const),
      cell: (event: AdminEvent) => <Clip>{event[name]}</Clip>,
    })),
  ];
}

function Selection() {
  const types = useQuery(eventStatsQuery).data?.types ?? [];
  return (
    <FilterBar>
      <SearchFilter name="q" label={text.logs.search} />
      <ChoiceFilter
        name="type"
        label={text.logs.type}
        choices={[
          everything,
          ...types.map(({ type, count }) => ({
            value: type,
            label: `${type.replaceAll("_", " ")} (${formatNumber(count)})`,
          })),
        ]}
      />
      <ChallengeFilter />
      <OwnerFilter />
      <TextFilter name="instance" label={text.logs.instance} />
      {(["from", "to"] as const).map((name) => (
        <MomentFilter key={name} name={name} label={text.logs[name]} />
      ))}
    </FilterBar>
  );
}
