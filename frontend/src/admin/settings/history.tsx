import { useInfiniteQuery } from "@tanstack/react-query";
import { History as HistoryIcon } from "lucide-react";
import type { SettingChange } from "@/api/admin";
import type { Column } from "@/components/ui/table";
import { formatMoment } from "@/lib/format";
import { Clip, ClipCode, List } from "../kit/list";
import { text } from "../text";
import { historyQuery } from "./queries";

const columns: Column<SettingChange>[] = [
  { id: "at", header: text.settings.when, width: "12.5rem", cell: (row) => formatMoment(row.at) },
  {
    id: "name",
    header: text.settings.setting,
    width: "minmax(15rem,1.5fr)",
    cell: (row) => <ClipCode>{row.name}</ClipCode>,
  },
  {
    id: "before",
    header: text.settings.before,
    width: "minmax(10rem,1fr)",
    cell: (row) => <ClipCode>{value(row.before)}</ClipCode>,
  },
  {
    id: "after",
    header: text.settings.after,
    width: "minmax(10rem,1fr)",
    cell: (row) => <ClipCode>{value(row.after)}</ClipCode>,
  },
  { id: "by", header: text.settings.by, width: "10rem", cell: (row) => <Clip>{row.by}</Clip> },
];

function value(given: string | null): string {
  return given === null ? text.settings.fromEnvironment : given === "" ? text.settings.empty : given;
}

/** Who changed what, newest first. */
export function History() {
  const history = useInfiniteQuery(historyQuery);
  return (
    <List
      query={history}
      rows={(pages) => pages.flatMap((page) => page.changes)}
      label={text.settings.viewHistory}
      columns={columns}
      rowKey={(row) => row.id}
      nothing={{ icon: HistoryIcon, title: text.settings.historyNoneTitle, text: text.settings.historyNoneText }}
    />
  );
}
