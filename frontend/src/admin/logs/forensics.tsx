import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Eraser, FileText, Trash2 } from "lucide-react";
import { useState } from "react";
import type { Capture } from "@/api/admin";
import { api, unwrap } from "@/api/client";
import { Badge } from "@/components/ui/badge";
import type { Column } from "@/components/ui/table";
import { formatBytes, formatMoment, formatNumber } from "@/lib/format";
import { useAction } from "../kit/action";
import { ChallengeFilter } from "../kit/challenge-filter";
import { ChoiceFilter, everything, FilterBar, TextFilter } from "../kit/fields";
import { useFilters } from "../kit/filters";
import { ClipCode, List, Opener, ownerColumn } from "../kit/list";
import { useAfterEvents } from "../kit/live";
import { Loaded } from "../kit/loaded";
import { OwnerFilter } from "../kit/owner-field";
import { Stat, Stats } from "../kit/page";
import { Button, Switch } from "../kit/takes";
import { TypeToConfirm } from "../kit/type-to-confirm";
import { text } from "../text";
import { CaptureDialog } from "./capture-dialog";
import { captureStatsQuery, capturesKey, capturesQuery } from "./queries";

/** What containers have written, kept when they ended or on demand. */
export function Forensics() {
  const [filters, setFilters] = useFilters();
  const [clearing, setClearing] = useState(false);
  const captures = useInfiniteQuery(capturesQuery(filters));
  useAfterEvents(
    ({ type }) => type.startsWith("forensics") || type.startsWith("capture") || type.startsWith("instance_"),
    () => captures.refetch(),
    3_000,
  );
  const said = (answer: unknown) => text.forensics.removed((answer as { deleted: number }).deleted);
  const clean = useAction<void>({
    act: () => unwrap(api.POST("/admin/api/forensics/cleanup")),
    done: said,
    failed: text.forensics.removeFailed,
    renews: [capturesKey],
  });
  const clear = useAction<void>({
    act: () => unwrap(api.DELETE("/admin/api/forensics/logs")),
    done: said,
    failed: text.forensics.removeFailed,
    renews: [capturesKey],
  });
  const remove = useAction<string>({
    act: (id) => unwrap(api.DELETE("/admin/api/forensics/logs/{id}", { params: { path: { id } } })),
    done: said,
    failed: text.forensics.removeFailed,
    renews: [capturesKey],
  });
  const shown = captures.data?.pages.flatMap((page) => page.logs).find(({ id }) => id === filters.capture);

  return (
    <div className="flex flex-col gap-4">
      <Overview />
      <FilterBar
        actions={
          <>
            <Button takes="operator" onClick={() => clean.mutate()} aria-disabled={clean.isPending || undefined}>
              <Eraser aria-hidden className="size-4" /> {text.forensics.clean}
            </Button>
            <Button takes="operator" look="danger" onClick={() => setClearing(true)}>
              <Trash2 aria-hidden className="size-4" /> {text.forensics.clear}
            </Button>
          </>
        }
      >
        <ChallengeFilter />
        <OwnerFilter />
        <TextFilter name="instance" label={text.logs.instance} />
        <ChoiceFilter
          name="kind"
          label={text.forensics.kind}
          choices={[
            everything,
            { value: "auto", label: text.forensics.auto },
            { value: "live", label: text.forensics.live },
          ]}
        />
      </FilterBar>
      <List
        query={captures}
        rows={(pages) => pages.flatMap((page) => page.logs)}
        label={text.logs.viewForensics}
        columns={columns((id) => setFilters({ capture: id }))}
        rowKey={({ id }) => id}
        onRow={({ id }) => setFilters({ capture: id })}
        nothing={{ icon: FileText, title: text.forensics.noneTitle, text: text.forensics.noneText }}
      />
      {shown && (
        <CaptureDialog
          capture={shown}
          onClose={() => setFilters({ capture: undefined })}
          onRemove={() => {
            setFilters({ capture: undefined });
            remove.mutate(shown.id);
          }}
        />
      )}
      <TypeToConfirm
        open={clearing}
        title={text.forensics.clear}
        name={text.forensics.everything}
        confirm={text.forensics.clear}
        onConfirm={() => clear.mutate()}
        onClose={() => setClearing(false)}
      >
        {text.forensics.clearText}
      </TypeToConfirm>
    </div>
  );
}

function Overview() {
  const stats = useQuery(captureStatsQuery);
  const toggle = useAction<boolean>({
    act: (enabled) => unwrap(api.POST("/admin/api/forensics/toggle", { body: { enabled } })),
    done: (_, enabled) => (enabled ? text.forensics.wasOn : text.forensics.wasOff),
    failed: text.forensics.toggleFailed,
    renews: [capturesKey],
  });
  return (
    <Loaded query={stats} className="h-40">
      {(now) => (
        <div className="flex flex-col gap-3">
          <div className="flex items-center gap-3">
            <Switch
              takes="admin"
              label={text.forensics.onEnd}
              checked={now.auto_capture_enabled}
              disabled={toggle.isPending}
              onChange={(enabled) => toggle.mutate(enabled)}
            />
            <span className="text-sm">{text.forensics.onEnd}</span>
          </div>
          <Stats>
            <Stat
              name={text.forensics.captures}
              value={formatNumber(now.total_logs)}
              more={text.forensics.kept(now.retention_hours)}
            />
            <Stat
              name={text.forensics.auto}
              value={formatNumber(now.auto_capture_count)}
              more={text.forensics.lines(formatNumber(now.tail_lines))}
            />
            <Stat
              name={text.forensics.live}
              value={formatNumber(now.live_capture_count)}
              more={text.forensics.most(formatBytes(now.max_size_bytes))}
            />
            <Stat
              name={text.forensics.size}
              value={formatBytes(now.total_size_bytes)}
              more={now.compression_enabled ? text.forensics.compressed : text.forensics.notCompressed}
            />
          </Stats>
        </div>
      )}
    </Loaded>
  );
}

function columns(show: (id: string) => void): Column<Capture>[] {
  return [
    {
      id: "time",
      header: text.logs.at,
      width: "12.5rem",
      sort: (row) => row.capture_time,
      cell: (row) => (
        <Opener
          label={`${formatMoment(row.capture_time)}, ${text.forensics.show(row.instance)}`}
          onOpen={() => show(row.id)}
        >
          {formatMoment(row.capture_time)}
        </Opener>
      ),
    },
    {
      id: "kind",
      header: text.forensics.kind,
      width: "9rem",
      sort: (row) => row.capture_type,
      cell: (row) => (
        <Badge tone={row.capture_type === "live" ? "accent" : "neutral"}>
          {row.capture_type === "live" ? text.forensics.live : text.forensics.auto}
        </Badge>
      ),
    },
    {
      id: "instance",
      header: text.logs.instance,
      width: "minmax(14rem,2fr)",
      sort: (row) => row.instance,
      cell: (row) => <ClipCode>{row.instance}</ClipCode>,
    },
    ownerColumn((row) => row.owner),
    {
      id: "reason",
      header: text.forensics.reason,
      width: "8rem",
      sort: (row) => row.terminate_reason,
      cell: (row) => row.terminate_reason || text.none,
    },
    {
      id: "size",
      header: text.forensics.size,
      width: "7rem",
      end: true,
      sort: (row) => row.file_size_bytes,
      cell: (row) => formatBytes(row.file_size_bytes),
    },
  ];
}
