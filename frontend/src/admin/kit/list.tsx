import type { InfiniteData, UseInfiniteQueryResult } from "@tanstack/react-query";
import type { LucideIcon } from "lucide-react";
import type { ReactNode } from "react";
import { type Column, Table } from "@/components/ui/table";
import { text } from "../text";
import { useFilters } from "./filters";
import { TabLink } from "./link";
import { Loaded } from "./loaded";
import { More } from "./more";

type Props<P, R> = {
  query: UseInfiniteQueryResult<InfiniteData<P>>;
  /** The rows of the parts that are there. */
  rows: (pages: P[]) => R[];
  label: string;
  columns: Column<R>[];
  rowKey: (row: R) => string;
  /** What stands in place of rows. */
  nothing: { icon: LucideIcon; title: string; text?: string };
  /** How many there are, in words. */
  count?: (shown: number, pages: P[]) => string;
  /** The order without a choice; the rows come in it. */
  order?: string;
  /** The server brings the rows in the order that is chosen. */
  sorted?: boolean;
  onRow?: (row: R) => void;
  isActive?: (row: R) => boolean;
};

/** A long list of the panel: its parts in one table, ordered as the address says, more of them on demand. */
export function List<P, R>({ query, rows: take, nothing, count, order = "", ...table }: Props<P, R>) {
  const [filters, setFilters] = useFilters();
  return (
    <Loaded query={query} className="h-96">
      {({ pages }) => {
        const rows = take(pages);
        return (
          <Table
            {...table}
            rows={rows}
            sort={filters.sort ?? order}
            onSort={(sort) => setFilters({ sort })}
            empty={<Empty {...nothing} />}
            footer={
              (query.hasNextPage || (count && rows.length > 0)) && (
                <>
                  {count && <span className="text-ink-soft tabular-nums">{count(rows.length, pages)}</span>}
                  {query.hasNextPage && <More query={query} />}
                </>
              )
            }
          />
        );
      }}
    </Loaded>
  );
}

function Empty({ icon: Icon, title, text: more }: { icon: LucideIcon; title: string; text?: string }) {
  return (
    <div className="mx-auto flex max-w-prose flex-col items-center gap-1">
      <Icon aria-hidden className="mb-2 size-7 text-accent" strokeWidth={1.5} />
      <p className="font-semibold text-base text-ink">{title}</p>
      {more && <p>{more}</p>}
    </div>
  );
}

/** What opens a row, for those who cannot click on it. */
export function Opener({ label, onOpen, children }: { label: string; onOpen: () => void; children: ReactNode }) {
  return (
    <button
      type="button"
      aria-label={label}
      className="min-w-0 cursor-pointer truncate text-accent tabular-nums underline decoration-accent-line underline-offset-4"
      onClick={(click) => {
        click.stopPropagation();
        onOpen();
      }}
    >
      {children}
    </button>
  );
}

/** Text that is cut off where it has no room; all of it, or another text, shows on pointing. */
export function Clip({ title, children }: { title?: string; children: string }) {
  return (
    <span className="truncate" title={title ?? children}>
      {children || text.none}
    </span>
  );
}

/** Text of machines, such as an id; cut off likewise. */
export function ClipCode({ children }: { children: string }) {
  return (
    <code className="min-w-0 truncate text-[0.8125rem]" title={children}>
      {children || text.none}
    </code>
  );
}

type Of<R> = (row: R) => string;

/** Which challenge a row is about. */
export function challengeColumn<R>(of: Of<R>): Column<R> {
  return {
    id: "challenge",
    header: text.logs.challenge,
    width: "minmax(9rem,1fr)",
    sort: of,
    cell: (row) => <Clip>{of(row)}</Clip>,
  };
}

/** Whose a row is: the name, and the id on pointing. */
export function ownerColumn<R>(
  of: (row: R) => { id: string; name: string } | undefined,
  header: string = text.logs.owner,
  id = "owner",
): Column<R> {
  return {
    id,
    header,
    width: "minmax(9rem,1fr)",
    sort: (row) => of(row)?.name || (of(row)?.id ?? ""),
    cell: (row) => {
      const owner = of(row);
      if (!owner) return text.none;
      return (
        <TabLink to="/players" filters={{ owner: owner.id }} className="min-w-0 truncate hover:underline">
          <Clip title={owner.id}>{owner.name || owner.id}</Clip>
        </TabLink>
      );
    },
  };
}
