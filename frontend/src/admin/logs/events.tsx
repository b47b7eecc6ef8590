import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { ScrollText } from "lucide-react";
import { useState } from "react";
import type { AdminEvent } from "@/api/admin";
import { Badge, type Tone } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Field, Input, Select, Switch } from "@/components/ui/field";
import { SearchField } from "@/components/ui/search-field";
import { type Column, Table } from "@/components/ui/table";
import { formatMoment, formatNumber } from "@/lib/format";
import { useFilters } from "../kit/filters";
import { useEvents } from "../kit/live";
import { Loaded } from "../kit/loaded";
import { More } from "../kit/more";
import { text } from "../text";
import { EventDialog } from "./event-dialog";
import { matches } from "./matches";
import { eventFilters, eventStatsQuery, eventsQuery } from "./queries";

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
      <FilterFields filters={filters} onChange={setFilters} />
      <div className="flex flex-wrap items-center justify-between gap-3">
        <div className="flex min-h-10 items-center gap-3">
          <Switch label={text.logs.tail} checked={tail} onChange={setTail} />
          <span className="text-sm">{text.logs.tail}</span>
        </div>
        {eventFilters.some((name) => filters[name]) && (
          <Button onClick={() => setFilters(Object.fromEntries(eventFilters.map((name) => [name, undefined])))}>
            {text.logs.reset}
          </Button>
        )}
      </div>
      <Loaded query={events} className="h-[30rem]">
        {({ pages }) => {
          const old = pages.flatMap((page) => page.events);
          const known = new Set(old.map(({ id }) => id));
          const rows = [...fresh.filter((event) => !known.has(event.id) && matches(event, filters)), ...old];
          return (
            <Table
              label={text.logs.viewEvents}
              columns={columns((event) => setOpen(event))}
              rows={rows}
              rowKey={({ id }) => id}
              onRow={setOpen}
              empty={
                <span className="flex flex-col items-center gap-2">
                  <ScrollText aria-hidden className="size-7 text-accent" />
                  {text.logs.none}
                </span>
              }
              footer={
                rows.length > 0 && (
                  <>
                    <span className="text-ink-soft tabular-nums">{text.logs.shown(rows.length)}</span>
                    {events.hasNextPage && <More query={events} />}
                  </>
                )
              }
            />
          );
        }}
      </Loaded>
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
  const clip = (value: string) => (
    <span className="truncate" title={value}>
      {value || text.none}
    </span>
  );
  return [
    {
      id: "at",
      header: text.logs.at,
      width: "12.5rem",
      cell: (event) => (
        <button
          type="button"
          className="cursor-pointer whitespace-nowrap text-accent tabular-nums underline decoration-accent-line underline-offset-4"
          aria-label={text.logs.show(formatMoment(event.at), event.type)}
          onClick={(click) => {
            click.stopPropagation();
            show(event);
          }}
        >
          {formatMoment(event.at)}
        </button>
      ),
    },
    {
      id: "type",
      header: text.logs.type,
      width: "13rem",
      cell: ({ type, level }) => <EventType type={type} level={level} />,
    },
    { id: "message", header: text.logs.message, width: "minmax(18rem,3fr)", cell: ({ message }) => clip(message) },
    {
      id: "challenge",
      header: text.logs.challenge,
      width: "minmax(8rem,1fr)",
      cell: ({ challenge }) => clip(challenge),
    },
    { id: "owner", header: text.logs.owner, width: "minmax(8rem,1fr)", cell: ({ owner }) => clip(owner) },
    { id: "player", header: text.logs.player, width: "minmax(8rem,1fr)", cell: ({ player }) => clip(player) },
  ];
}

type FilterProps = { filters: ReturnType<typeof useFilters>[0]; onChange: ReturnType<typeof useFilters>[1] };

function FilterFields({ filters, onChange }: FilterProps) {
  const stats = useQuery(eventStatsQuery).data;
  return (
    // biome-ignore lint/a11y/useSemanticElements: browsers from before 2023 do not know <search>
    <div role="search" className="grid grid-cols-2 items-end gap-3 md:grid-cols-3 xl:grid-cols-6">
      <div className="col-span-2 flex md:col-span-3 xl:col-span-6">
        <SearchField
          label={text.logs.search}
          placeholder={text.logs.search}
          clear={text.search.clear}
          value={filters.q ?? ""}
          onChange={(q) => onChange({ q })}
        />
      </div>
      <Field label={text.logs.type}>
        {(ids) => (
          <Select {...ids} value={filters.type ?? ""} onChange={(event) => onChange({ type: event.target.value })}>
            <option value="">{text.all}</option>
            {stats?.types.map(({ type, count }) => (
              <option key={type} value={type}>
                {type.replaceAll("_", " ")} ({formatNumber(count)})
              </option>
            ))}
          </Select>
        )}
      </Field>
      {(["challenge", "owner", "instance"] as const).map((name) => (
        <Field key={name} label={text.logs[name]}>
          {(ids) => (
            <Input
              {...ids}
              value={filters[name] ?? ""}
              onChange={(event) => onChange({ [name]: event.target.value.trim() })}
            />
          )}
        </Field>
      ))}
      {(["from", "to"] as const).map((name) => (
        <Field key={name} label={text.logs[name]}>
          {(ids) => (
            <Input
              {...ids}
              type="datetime-local"
              value={filters[name] ?? ""}
              onChange={(event) => onChange({ [name]: event.target.value })}
            />
          )}
        </Field>
      ))}
    </div>
  );
}
