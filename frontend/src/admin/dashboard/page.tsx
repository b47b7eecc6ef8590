import { useQuery } from "@tanstack/react-query";
import { Pause, Play, Plus } from "lucide-react";
import { useState } from "react";
import { api, unwrap } from "@/api/client";
import { ConfirmDialog } from "@/components/ui/confirm-dialog";
import { formatBytes, formatNumber } from "@/lib/format";
import { useAction } from "../kit/action";
import { useFilters } from "../kit/filters";
import { useAfterEvents } from "../kit/live";
import { Page, Stat, Stats, toneOf } from "../kit/page";
import { Button } from "../kit/takes";
import { systemQuery } from "../queries";
import { text } from "../text";
import { Charts } from "./charts";
import { InstanceDialog } from "./instance-dialog";
import { Instances } from "./instances";
import { configQuery, instancesKey, statsQuery } from "./queries";
import { RedNow } from "./red-now";
import { SpawnDialog } from "./spawn-dialog";

/** What runs now, how it has been, and what can be done about it. */
export function DashboardPage() {
  const [filters, setFilters] = useFilters();
  const [spawning, setSpawning] = useState(false);
  return (
    <Page
      title={text.tabs.dashboard}
      lead={text.dashboard.lead}
      actions={
        <>
          <Drain />
          <Button takes="operator" look="primary" onClick={() => setSpawning(true)}>
            <Plus aria-hidden className="size-4" /> {text.dashboard.spawn}
          </Button>
        </>
      }
    >
      <RedNow />
      <Overview />
      <Charts />
      <Instances />
      {filters.show && <InstanceDialog id={filters.show} onClose={() => setFilters({ show: undefined })} />}
      {spawning && (
        <SpawnDialog
          onClose={() => setSpawning(false)}
          onSpawned={(id) => {
            setSpawning(false);
            setFilters({ show: id });
          }}
        />
      )}
    </Page>
  );
}

function Overview() {
  const stats = useQuery(statsQuery);
  const system = useQuery(systemQuery).data;
  useAfterEvents(
    ({ type }) => type.startsWith("instance"),
    () => stats.refetch(),
    2_000,
  );
  const count = (state: string) => (stats.data ? formatNumber(stats.data.instances[state] ?? 0) : text.none);
  return (
    <Stats>
      <Stat
        name={text.state.running}
        value={count("running")}
        filters={{ state: "running" }}
        more={stats.data && text.dashboard.capacity(stats.data.live, stats.data.max_instances)}
      />
      <Stat
        name={text.state.starting}
        value={count("starting")}
        filters={{ state: "starting" }}
        more={text.dashboard.queued(count("queued"))}
      />
      <Stat
        name={text.state.failed}
        value={count("failed")}
        tone={(stats.data?.instances.failed ?? 0) > 0 ? "bad" : "calm"}
        filters={{ state: "failed" }}
        more={text.dashboard.stopped(count("stopped"))}
      />
      <Stat
        name={text.dashboard.cpu}
        value={system ? `${formatNumber(system.host_cpu_percent)} %` : text.none}
        tone={toneOf(system?.host_cpu_percent ?? 0)}
        more={
          system &&
          text.dashboard.cores(
            system.host_cpu_cores,
            formatNumber(system.loadavg_1),
            `${formatNumber(system.total_cpu_percent / Math.max(1, system.host_cpu_cores))} %`,
          )
        }
      />
      <Stat
        name={text.dashboard.memory}
        value={system ? `${formatNumber(system.host_memory_percent)} %` : text.none}
        tone={toneOf(system?.host_memory_percent ?? 0)}
        more={
          system &&
          text.dashboard.of(formatBytes(system.host_memory_used_bytes), formatBytes(system.host_memory_total_bytes))
        }
      />
      <Stat
        name={text.dashboard.disk}
        value={system ? `${formatNumber(system.disk_percent)} %` : text.none}
        tone={toneOf(system?.disk_percent ?? 0)}
        more={system && text.dashboard.of(formatBytes(system.disk_used_bytes), formatBytes(system.disk_total_bytes))}
      />
    </Stats>
  );
}

/** Stops the starting of instances for everybody, or lets it go on. */
function Drain() {
  const [asking, setAsking] = useState(false);
  const config = useQuery(configQuery).data;
  const drained = config !== undefined && config.notice !== "";
  const drain = useAction<boolean>({
    act: (on) => unwrap(api.PUT("/admin/api/settings", { body: { settings: { DRAIN: on } } })),
    done: (_, on) => (on ? text.dashboard.drained : text.dashboard.undrained),
    failed: text.dashboard.drainFailed,
    renews: [configQuery.queryKey, ["admin", "settings"], instancesKey],
  });
  return (
    <>
      {drained && (
        <p role="status" className="max-w-md truncate text-busy text-sm" title={config.notice}>
          {config.notice}
        </p>
      )}
      <Button
        takes="admin"
        onClick={() => (drained ? drain.mutate(false) : setAsking(true))}
        aria-disabled={!config || drain.isPending || undefined}
      >
        {drained ? <Play aria-hidden className="size-4" /> : <Pause aria-hidden className="size-4" />}
        {drained ? text.dashboard.undrain : text.dashboard.drain}
      </Button>
      <ConfirmDialog
        open={asking}
        title={`${text.dashboard.drain}?`}
        confirm={text.dashboard.drain}
        cancel={text.confirm.cancel}
        onConfirm={() => {
          setAsking(false);
          drain.mutate(true);
        }}
        onClose={() => setAsking(false)}
      >
        {text.dashboard.drainText}
      </ConfirmDialog>
    </>
  );
}
