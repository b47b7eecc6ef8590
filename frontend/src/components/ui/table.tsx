import { useVirtualizer } from "@tanstack/react-virtual";
import { ArrowDown, ArrowUp } from "lucide-react";
import { type ReactNode, useEffect, useRef } from "react";
import { cn } from "@/lib/cn";
import { useNarrow } from "@/lib/narrow";

/** One column. What stands in a cell is one line high: rows of one height are what keeps thousands of them smooth. */
export type Column<T> = {
  id: string;
  header: string;
  /** A track of a CSS grid, such as `8rem` or `minmax(10rem,2fr)`. */
  width: string;
  cell: (row: T) => ReactNode;
  /** What the rows are ordered by; without it the column cannot be sorted. */
  sort?: (row: T) => string | number;
  /** Numbers stand at the end of their cell. */
  end?: boolean;
  /** Where it stands on a phone, whose rows have two lines; without it the first two columns are on the first line. */
  phone?: "first" | "second" | "none";
};

/** A column's id, with a minus before it for falling order; empty: as the rows come. */
export type Sort = string;

type Props<T> = {
  label: string;
  columns: Column<T>[];
  rows: T[];
  rowKey: (row: T) => string;
  sort?: Sort;
  onSort?: (sort: Sort) => void;
  /** The rows come in the order of `sort` already. */
  sorted?: boolean;
  /** What stands in place of rows. */
  empty?: ReactNode;
  /** Under the last row, such as a button for more. */
  footer?: ReactNode;
  /** The most that the table is high; it scrolls inside. */
  height?: string;
  onRow?: (row: T) => void;
  isActive?: (row: T) => boolean;
};

const oneLine = 44;
const twoLines = 76;

/**
 * A table that draws only the rows in sight. It is made of elements that can be placed one by one, with the roles of a
 * table; where a row does something on a click, one of its cells holds a link or a button that does the same.
 */
export function Table<T>(props: Props<T>) {
  const { label, columns, rowKey, sort = "", onSort, empty, footer, height = "min(70vh,44rem)" } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const rows = props.sorted ? props.rows : inOrder(props.rows, columns, sort);
  const narrow = useNarrow();
  const rowHeight = narrow ? twoLines : oneLine;
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 12,
    getItemKey: (index) => rowKey(rows[index] as T),
    initialRect: { width: 1000, height: 800 }, // before it is measured
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: rows are of another height then
  useEffect(() => virtual.measure(), [narrow]);
  const grid = { gridTemplateColumns: columns.map((column) => column.width).join(" ") };

  return (
    <div className="rounded-xl border border-line bg-card">
      <div
        ref={scroller}
        role="table"
        aria-label={label}
        aria-rowcount={rows.length + 1}
        aria-colcount={columns.length}
        tabIndex={0}
        className="overflow-auto rounded-t-xl [contain:strict] [scrollbar-gutter:stable]"
        style={{
          height:
            rows.length === 0
              ? oneLine + 2
              : `min(${rows.length * rowHeight + (narrow ? 0 : oneLine) + 18}px, ${height})`,
        }}
      >
        <div className={narrow ? "min-w-0" : "min-w-max"}>
          <div role="rowgroup" className={cn(narrow && "hidden", "sticky top-0 z-[1] border-line border-b bg-card")}>
            <div role="row" aria-rowindex={1} className="grid" style={grid}>
              {columns.map((column) => (
                <Header key={column.id} column={column} sort={sort} onSort={onSort} />
              ))}
            </div>
          </div>
          <div role="rowgroup" className="relative" style={{ height: virtual.getTotalSize() }}>
            {virtual.getVirtualItems().map((item) => (
              <Row
                key={item.key}
                {...props}
                row={rows[item.index] as T}
                index={item.index}
                top={item.start}
                grid={grid}
                tall={rowHeight}
                narrow={narrow}
              />
            ))}
          </div>
        </div>
      </div>
      {rows.length === 0 && <div className="px-4 py-10 text-center text-ink-soft text-sm">{empty}</div>}
      {footer && (
        <div className="flex min-h-12 flex-wrap items-center gap-3 border-line border-t px-4 py-2 text-sm">
          {footer}
        </div>
      )}
    </div>
  );
}

function Header<T>({
  column,
  sort,
  onSort,
}: {
  column: Column<T>;
  sort: Sort;
  onSort?: ((sort: Sort) => void) | undefined;
}) {
  const up = sort === column.id;
  const down = sort === `-${column.id}`;
  const cell = cn(
    "flex h-10 items-center truncate px-3 font-semibold text-ink-soft text-xs",
    column.end && "justify-end",
  );
  const order = up ? "ascending" : down ? "descending" : undefined;
  return (
    <div role="columnheader" aria-sort={order} className="min-w-0">
      {column.sort && onSort ? (
        <button
          type="button"
          onClick={() => onSort(up ? `-${column.id}` : down ? "" : column.id)}
          className={cn(cell, "w-full cursor-pointer gap-1 hover:text-ink focus-visible:-outline-offset-2")}
        >
          {column.header}
          {up && <ArrowUp aria-hidden className="size-3.5" />}
          {down && <ArrowDown aria-hidden className="size-3.5" />}
        </button>
      ) : (
        <span className={cell}>{column.header}</span>
      )}
    </div>
  );
}

type RowProps<T> = Props<T> & {
  row: T;
  index: number;
  top: number;
  grid: { gridTemplateColumns: string };
  tall: number;
  narrow: boolean;
};

function Row<T>({ columns, row, index, top, grid, tall, narrow, onRow, isActive }: RowProps<T>) {
  if (narrow) {
    const place = (column: Column<T>, at: number) => column.phone ?? (at < 2 ? "first" : "second");
    const line = (which: "first" | "second") => columns.filter((column, at) => place(column, at) === which);
    return (
      <div
        role="row"
        aria-rowindex={index + 2}
        onClick={onRow && (() => onRow(row))}
        className={cn(
          "absolute inset-x-0 flex flex-col justify-center border-line border-b px-3",
          onRow && "cursor-pointer",
          isActive?.(row) && "bg-accent-ground",
        )}
        style={{ height: tall, transform: `translateY(${top}px)` }}
      >
        <div role="presentation" className="flex min-w-0 items-center gap-2 text-sm">
          {line("first").map((column) => (
            <div
              key={column.id}
              role="cell"
              className={cn("flex min-w-0 items-center gap-2 whitespace-nowrap", column.end && "ml-auto shrink-0")}
            >
              {column.cell(row)}
            </div>
          ))}
        </div>
        <div role="presentation" className="flex min-w-0 items-center gap-3 overflow-hidden text-ink-soft text-xs">
          {line("second").map((column) => (
            <div
              key={column.id}
              role="cell"
              className="flex min-w-0 shrink-[2] items-center gap-1 overflow-hidden whitespace-nowrap"
            >
              {column.cell(row)}
            </div>
          ))}
        </div>
      </div>
    );
  }
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      onClick={onRow && (() => onRow(row))}
      className={cn(
        "absolute inset-x-0 grid border-line border-b hover:bg-raised/50",
        onRow && "cursor-pointer",
        isActive?.(row) && "bg-accent-ground",
      )}
      style={{ ...grid, height: tall, transform: `translateY(${top}px)` }}
    >
      {columns.map((column) => (
        <div
          key={column.id}
          role="cell"
          className={cn(
            "flex min-w-0 items-center gap-2 overflow-hidden whitespace-nowrap px-3 text-sm",
            column.end && "justify-end tabular-nums",
          )}
        >
          {column.cell(row)}
        </div>
      ))}
    </div>
  );
}

function inOrder<T>(rows: T[], columns: Column<T>[], sort: Sort): T[] {
  const falling = sort.startsWith("-");
  const by = columns.find((column) => column.id === sort.replace(/^-/, ""))?.sort;
  if (!by) return rows;
  const sign = falling ? -1 : 1;
  return [...rows].sort((a, b) => {
    const [x, y] = [by(a), by(b)];
    return sign * (typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y)));
  });
}
