import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Network, Trash2 } from "lucide-react";
import { useState } from "react";
import type { PortMapping } from "@/api/admin";
import { api, unwrap } from "@/api/client";
import { Notice } from "@/components/ui/notice";
import type { Column } from "@/components/ui/table";
import { formatNumber } from "@/lib/format";
import { useAction } from "../kit/action";
import { CsvLink } from "../kit/csv";
import { FilterBar } from "../kit/fields";
import { useFilters } from "../kit/filters";
import { Clip, ClipCode, challengeColumn, List } from "../kit/list";
import { Loaded } from "../kit/loaded";
import { OwnerFilter } from "../kit/owner-field";
import { Stat, Stats } from "../kit/page";
import { Button } from "../kit/takes";
import { TypeToConfirm } from "../kit/type-to-confirm";
import { text } from "../text";
import { portStatsQuery, portsKey, portsQuery } from "./queries";

/** Which host ports owners had last and get again, and how many are left. */
export function Ports() {
  const [filters] = useFilters();
  const [forgetting, setForgetting] = useState<string>(); // an owner's id, or "" for everybody
  const ports = useInfiniteQuery(portsQuery(filters.owner ?? ""));
  const forget = useAction<string>({
    act: (owner) =>
      owner === ""
        ? unwrap(api.DELETE("/admin/api/user-ports"))
        : unwrap(api.DELETE("/admin/api/user-ports/{user_id}", { params: { path: { user_id: owner } } })),
    done: (answer) => text.ports.forgotten((answer as { forgotten: number }).forgotten),
    failed: text.ports.failed,
    renews: [portsKey],
  });

  return (
    <div className="flex flex-col gap-4">
      <Capacity />
      <FilterBar
        actions={
          <>
            <CsvLink list="ports" filters={{ owner: filters.owner }} />
            <Button takes="operator" look="danger" onClick={() => setForgetting("")}>
              <Trash2 aria-hidden className="size-4" /> {text.ports.forgetAll}
            </Button>
          </>
        }
      >
        <OwnerFilter />
      </FilterBar>
      <List
        query={ports}
        rows={(pages) => pages.flatMap((page) => page.mappings)}
        label={text.logs.viewPorts}
        columns={columns(setForgetting)}
        rowKey={(row) => `${row.owner_id} ${row.challenge_id} ${row.internal}`}
        nothing={
          filters.owner
            ? { icon: Network, title: text.ports.noMatch }
            : { icon: Network, title: text.ports.noneTitle, text: text.ports.noneText }
        }
      />
      <TypeToConfirm
        open={forgetting !== undefined}
        title={forgetting ? text.ports.forgetOf(forgetting) : text.ports.forgetAll}
        name={forgetting || text.ports.everybody}
        confirm={text.ports.forget}
        onConfirm={() => forget.mutate(forgetting ?? "")}
        onClose={() => setForgetting(undefined)}
      >
        {text.ports.forgetText}
      </TypeToConfirm>
    </div>
  );
}

function Capacity() {
  const stats = useQuery(portStatsQuery);
  return (
    <Loaded query={stats} className="h-24">
      {(now) => (
        <div className="flex flex-col gap-3">
          {now.warning !== "" && <Notice>{now.warning}</Notice>}
          <Stats>
            <Stat
              name={text.ports.inUse}
              value={formatNumber(now.currently_allocated)}
              more={text.ports.percent(formatNumber(now.usage_percent))}
            />
            <Stat
              name={text.ports.free}
              value={formatNumber(now.available)}
              more={text.ports.range(now.port_range_start, now.port_range_end)}
            />
            <Stat
              name={text.ports.remembered}
              value={formatNumber(now.persistent_mappings)}
              more={text.ports.owners(now.persistent_users)}
            />
          </Stats>
        </div>
      )}
    </Loaded>
  );
}

function columns(forget: (owner: string) => void): Column<PortMapping>[] {
  return [
    {
      id: "owner",
      header: text.logs.owner,
      width: "minmax(10rem,1fr)",
      sort: (row) => row.owner_id,
      cell: (row) => <Clip>{row.owner_id}</Clip>,
    },
    challengeColumn((row) => row.challenge_id),
    {
      id: "internal",
      header: text.ports.internal,
      width: "9rem",
      end: true,
      sort: (row) => row.internal,
      cell: (row) => row.internal,
    },
    { id: "port", header: text.ports.port, width: "8rem", end: true, sort: (row) => row.port, cell: (row) => row.port },
    {
      id: "instance",
      header: text.logs.instance,
      width: "minmax(12rem,1fr)",
      sort: (row) => row.instance,
      cell: (row) => <ClipCode>{row.instance}</ClipCode>,
    },
    {
      id: "forget",
      header: text.ports.forget,
      width: "5rem",
      end: true,
      cell: (row) => (
        <Button
          takes="operator"
          look="ghost"
          size="icon"
          aria-label={text.ports.forgetOf(row.owner_id)}
          onClick={() => forget(row.owner_id)}
        >
          <Trash2 aria-hidden className="size-4" />
        </Button>
      ),
    },
  ];
}
