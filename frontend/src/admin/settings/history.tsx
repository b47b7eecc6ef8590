import { useInfiniteQuery } from "@tanstack/react-query";
import { History as HistoryIcon } from "lucide-react";
import type { SettingChange } from "@/api/admin";
import { type Column, Table } from "@/components/ui/table";
import { formatMoment } from "@/lib/format";
import { Loaded, Nothing } from "../kit/loaded";
import { More } from "../kit/more";
import { text } from "../text";
import { historyQuery } from "./queries";

const columns: Column<SettingChange>[] = [
  { id: "at", header: text.settings.when, width: "12.5rem", cell: (row) => formatMoment(row.at) },
  { id: "name", header: text.settings.setting, width: "minmax(15rem,1.5fr)", cell: (row) => <Mono>{row.name}</Mono> },
  {
    id: "before",
    header: text.settings.before,
    width: "minmax(10rem,1fr)",
    cell: (row) => <Mono>{value(row.before)}</Mono>,
  },
  {
    id: "after",
    header: text.settings.after,
    width: "minmax(10rem,1fr)",
    cell: (row) => <Mono>{value(row.after)}</Mono>,
  },
  { id: "by", header: text.settings.by, width: "10rem", cell: (row) => <span className="truncate">{row.by}</span> },
];

function value(given: string | null): string {
  return given === null ? text.settings.fromEnvironment : given === "" ? text.settings.empty : given;
}

function Mono({ children }: { children: string }) {
  return (
    <code title={children} className="truncate text-[0.8125rem]">
      {children}
    </code>
  );
}

/** Who changed what, newest first. */
export function History() {
  const history = useInfiniteQuery(historyQuery);
  return (
    <Loaded query={history}>
      {({ pages }) => {
        const changes = pages.flatMap((page) => page.changes);
        if (changes.length === 0) {
          return (
            <Nothing icon={HistoryIcon} title={text.settings.historyNoneTitle}>
              {text.settings.historyNoneText}
            </Nothing>
          );
        }
        return (
          <Table
            label={text.settings.viewHistory}
            columns={columns}
            rows={changes}
            rowKey={(row) => row.id}
            footer={history.hasNextPage && <More query={history} />}
          />
        );
      }}
    </Loaded>
  );
}
