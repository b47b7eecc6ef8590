import { useQuery } from "@tanstack/react-query";
import { ChevronLeft } from "lucide-react";
import type { AdminOwner } from "@/api/admin";
import { Segmented } from "@/components/ui/segmented";
import { type Column, Table } from "@/components/ui/table";
import { formatMoment } from "@/lib/format";
import { InstanceDialog } from "../dashboard/instance-dialog";
import { Instances } from "../dashboard/instances";
import { Issued } from "../flags/issued";
import { Review } from "../flags/review";
import { CsvRows } from "../kit/csv";
import { FilterBar, SearchFilter } from "../kit/fields";
import { useFilters } from "../kit/filters";
import { TabLink } from "../kit/link";
import { Clip, ClipCode } from "../kit/list";
import { Loaded } from "../kit/loaded";
import { useOwners } from "../kit/owner-field";
import { Page } from "../kit/page";
import { Events } from "../logs/events";
import { Ports } from "../logs/ports";
import { text } from "../text";
import { Addresses, Solves } from "./owner";
import { ownerQuery } from "./queries";

const views = ["instances", "flags", "solves", "suspicious", "addresses", "events", "ports"] as const;
type View = (typeof views)[number];

/** Everybody who has had an instance, or all that there is of one player or team. */
export function PlayersPage() {
  const [filters] = useFilters();
  return filters.owner ? <One key={filters.owner} id={filters.owner} /> : <Everybody />;
}

function Everybody() {
  const [filters, setFilters] = useFilters();
  const owners = useOwners(filters.q ?? "");
  return (
    <Page title={text.tabs.players} lead={text.players.lead}>
      <div className="flex flex-col gap-4">
        <FilterBar
          actions={
            <CsvRows
              name="players"
              columns={["id", "name", "live", "total", "last_at"]}
              rows={() => (owners.data ?? []).map((one) => [one.id, one.name, one.live, one.total, one.last_at ?? ""])}
            />
          }
        >
          <SearchFilter name="q" label={text.owner.hint} />
        </FilterBar>
        <Loaded query={owners} className="h-96">
          {(all) => (
            <Table
              label={text.players.list}
              columns={columns}
              rows={all}
              rowKey={({ id }) => id}
              sort={filters.sort ?? "-last"}
              onSort={(sort) => setFilters({ sort })}
              empty={text.players.none}
              footer={
                all.length > 0 && <span className="text-ink-soft tabular-nums">{text.players.shown(all.length)}</span>
              }
            />
          )}
        </Loaded>
      </div>
    </Page>
  );
}

const columns: Column<AdminOwner>[] = [
  {
    id: "name",
    header: text.owner.label,
    width: "minmax(12rem,2fr)",
    phone: "first",
    sort: ({ id, name }) => name || id,
    cell: ({ id, name }) => (
      <TabLink
        to="/players"
        filters={{ owner: id, state: "all" }}
        className="truncate text-accent underline decoration-accent-line underline-offset-4"
      >
        {name || id}
      </TabLink>
    ),
  },
  {
    id: "id",
    header: text.players.id,
    width: "minmax(8rem,1fr)",
    phone: "second",
    sort: ({ id }) => id,
    cell: ({ id }) => <ClipCode>{id}</ClipCode>,
  },
  {
    id: "live",
    header: text.players.live,
    width: "7rem",
    end: true,
    phone: "first",
    sort: ({ live }) => live,
    cell: ({ live }) => live,
  },
  {
    id: "total",
    header: text.players.total,
    width: "7rem",
    end: true,
    phone: "none",
    sort: ({ total }) => total,
    cell: ({ total }) => total,
  },
  {
    id: "last",
    header: text.players.last,
    width: "12.5rem",
    phone: "second",
    sort: ({ last_at }) => last_at ?? "",
    cell: ({ last_at }) => <Clip>{last_at ? formatMoment(last_at) : text.none}</Clip>,
  },
];

function One({ id }: { id: string }) {
  const [filters, setFilters] = useFilters();
  const owner = useQuery(ownerQuery(id)).data;
  const view = views.find((one) => one === filters.view) ?? "instances";

  function turn(next: View) {
    // What one list is narrowed to means nothing to another.
    const others = Object.fromEntries(Object.keys(filters).map((name) => [name, undefined]));
    setFilters({
      ...others,
      owner: id,
      view: next === "instances" ? undefined : next,
      state: next === "instances" ? "all" : undefined,
      review: next === "suspicious" ? "all" : undefined,
    });
  }

  return (
    <Page
      title={owner?.name || id}
      lead={id}
      actions={
        <TabLink
          to="/players"
          filters={{}}
          className="inline-flex min-h-10 items-center gap-1 text-accent text-sm underline underline-offset-4"
        >
          <ChevronLeft aria-hidden className="size-4" /> {text.players.back}
        </TabLink>
      }
    >
      <Segmented
        label={text.players.view}
        value={view}
        onChange={turn}
        options={views.map((value) => ({ value, label: text.players[value] }))}
      />
      {view === "instances" && <Instances />}
      {view === "flags" && <Issued />}
      {view === "solves" && <Solves id={id} />}
      {view === "suspicious" && <Review />}
      {view === "addresses" && <Addresses id={id} />}
      {view === "events" && <Events />}
      {view === "ports" && <Ports />}
      {filters.show && <InstanceDialog id={filters.show} onClose={() => setFilters({ show: undefined })} />}
    </Page>
  );
}
