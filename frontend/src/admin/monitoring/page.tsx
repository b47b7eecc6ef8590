import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Gauge } from "lucide-react";
import type { InstanceUsage } from "@/api/admin";
import { percentTop, Sparkline, TimeChart } from "@/components/ui/chart";
import type { Column } from "@/components/ui/table";
import { cn } from "@/lib/cn";
import { formatBytes, formatMoment, formatMS, formatNumber } from "@/lib/format";
import { ChallengeFilter } from "../kit/challenge-filter";
import { ChoiceFilter, everything, FilterBar } from "../kit/fields";
import { useFilters } from "../kit/filters";
import { TabLink } from "../kit/link";
import { List, ownerColumn } from "../kit/list";
import { Loaded } from "../kit/loaded";
import { OwnerFilter } from "../kit/owner-field";
import { Page, Section, Stat, Stats, toneOf } from "../kit/page";
import { Samples } from "../kit/samples";
import { systemQuery } from "../queries";
import { text } from "../text";
import { usageQuery } from "./queries";

type HostFigures = { cpu: number; containerCPU: number; memory: number; load: number; containers: number };
type Figures = { cpu: number; memory: number };

// Kept outside the page, so that a look at another tab leaves no gap.
const host = new Samples<HostFigures>();
const instances = new Samples<Figures>();

/** What the host and each instance use. */
export function MonitoringPage() {
  return (
    <Page title={text.tabs.monitoring} lead={text.monitoring.lead}>
      <Host />
      <Usage />
    </Page>
  );
}

function Host() {
  const system = useQuery(systemQuery);
  return (
    <Loaded query={system} className="h-72">
      {(now) => {
        const cores = Math.max(1, now.host_cpu_cores);
        const samples = now.sampled_at
          ? host.add("host", Date.parse(now.sampled_at), {
              cpu: now.host_cpu_percent,
              containerCPU: now.total_cpu_percent / cores,
              memory: now.host_memory_percent,
              load: now.loadavg_1,
              containers: now.running_containers,
            })
          : host.of("host");
        const times = samples.map(({ at }) => at);
        const percent = (value: number) => `${formatNumber(value)} %`;
        return (
          <div className="flex flex-col gap-4">
            <Stats>
              <Stat
                name={text.monitoring.containers}
                value={formatNumber(now.running_containers)}
                more={text.monitoring.ofAll(now.total_containers)}
              />
              <Stat
                name={text.monitoring.cpu}
                value={percent(now.host_cpu_percent)}
                tone={toneOf(now.host_cpu_percent)}
                more={text.dashboard.cores(
                  now.host_cpu_cores,
                  formatNumber(now.loadavg_1),
                  percent(now.total_cpu_percent / cores),
                )}
              />
              <Stat
                name={text.monitoring.used}
                value={formatBytes(now.total_memory_bytes)}
                more={text.monitoring.byContainers}
              />
              <Stat
                name={text.dashboard.memory}
                value={percent(now.host_memory_percent)}
                tone={toneOf(now.host_memory_percent)}
                more={text.dashboard.of(
                  formatBytes(now.host_memory_used_bytes),
                  formatBytes(now.host_memory_total_bytes),
                )}
              />
              <Stat
                name={text.dashboard.disk}
                value={percent(now.disk_percent)}
                tone={toneOf(now.disk_percent)}
                more={text.dashboard.of(formatBytes(now.disk_used_bytes), formatBytes(now.disk_total_bytes))}
              />
              <Stat
                name={text.monitoring.sampled}
                value={now.sampled_at ? formatMoment(now.sampled_at).slice(11) : text.none}
                more={text.monitoring.took(formatMS(now.took_ms))}
              />
            </Stats>
            <div className="grid gap-4 lg:grid-cols-2">
              <TimeChart
                title={text.monitoring.cpuMemory}
                times={times}
                format={percent}
                roundUp={percentTop}
                empty={text.monitoring.collecting}
                series={[
                  { name: text.monitoring.cpu, values: samples.map(({ cpu }) => cpu) },
                  { name: text.monitoring.containerCPU, values: samples.map(({ containerCPU }) => containerCPU) },
                  { name: text.monitoring.memory, values: samples.map(({ memory }) => memory) },
                ]}
              />
              <TimeChart
                title={text.monitoring.loadContainers}
                times={times}
                format={formatNumber}
                empty={text.monitoring.collecting}
                series={[
                  { name: text.monitoring.load, values: samples.map(({ load }) => load) },
                  { name: text.monitoring.containers, values: samples.map(({ containers }) => containers) },
                ]}
              />
            </div>
          </div>
        );
      }}
    </Loaded>
  );
}

function Usage() {
  const [filters] = useFilters();
  const usage = useInfiniteQuery(usageQuery(filters));
  return (
    <Section title={text.monitoring.instances}>
      <div className="flex flex-col gap-4">
        <FilterBar>
          <ChoiceFilter
            name="high"
            label={text.monitoring.high}
            choices={[
              everything,
              { value: "cpu", label: text.monitoring.highCPU },
              { value: "memory", label: text.monitoring.highMemory },
            ]}
          />
          <ChallengeFilter />
          <OwnerFilter />
        </FilterBar>
        <List
          query={usage}
          rows={(pages) => {
            const rows = pages.flatMap((page) => page.instances);
            const at = pages[0]?.sampled_at ? Date.parse(pages[0].sampled_at) : 0;
            for (const row of rows) {
              if (row.sampled && at > 0)
                instances.add(row.id, at, { cpu: row.cpu_percent, memory: row.memory_percent });
            }
            return rows;
          }}
          label={text.monitoring.instances}
          columns={columns}
          rowKey={({ id }) => id}
          nothing={{ icon: Gauge, title: text.monitoring.none }}
          count={(shown, pages) => text.monitoring.shown(shown, pages[0]?.total ?? shown)}
        />
      </div>
    </Section>
  );
}

function Percent({ value, high }: { value: number; high: number }) {
  return (
    <span className={cn("w-16 text-right tabular-nums", value >= high && "font-semibold text-bad")}>
      {formatNumber(value)} %
    </span>
  );
}

const columns: Column<InstanceUsage>[] = [
  {
    id: "challenge",
    header: text.logs.challenge,
    width: "minmax(8rem,1fr)",
    sort: (row) => row.challenge_id,
    cell: (row) => (
      <TabLink
        to="/"
        filters={{ show: row.id }}
        className="truncate text-accent underline decoration-accent-line underline-offset-4"
      >
        {row.challenge_id}
      </TabLink>
    ),
  },
  ownerColumn((row) => row.owner),
  {
    id: "cpu",
    header: text.monitoring.cpuOfOne,
    width: "11rem",
    end: true,
    sort: (row) => row.cpu_percent,
    cell: (row) => (
      <>
        <Sparkline label={text.monitoring.cpuOf(row.id)} values={instances.of(row.id).map(({ cpu }) => cpu)} />
        <Percent value={row.cpu_percent} high={50} />
      </>
    ),
  },
  {
    id: "memory",
    header: text.monitoring.memory,
    width: "11rem",
    end: true,
    sort: (row) => row.memory_percent,
    cell: (row) => (
      <>
        <Sparkline
          label={text.monitoring.memoryOf(row.id)}
          values={instances.of(row.id).map(({ memory }) => memory)}
          max={100}
        />
        <Percent value={row.memory_percent} high={80} />
      </>
    ),
  },
  {
    id: "bytes",
    header: text.monitoring.used,
    width: "8rem",
    end: true,
    sort: (row) => row.memory_bytes,
    cell: (row) => formatBytes(row.memory_bytes),
  },
  {
    id: "network",
    header: text.monitoring.network,
    width: "10rem",
    end: true,
    sort: (row) => row.network_rx_bytes + row.network_tx_bytes,
    cell: (row) => `${formatBytes(row.network_rx_bytes)} / ${formatBytes(row.network_tx_bytes)}`,
  },
  {
    id: "disk",
    header: text.monitoring.io,
    width: "10rem",
    end: true,
    sort: (row) => row.block_read_bytes + row.block_write_bytes,
    cell: (row) => `${formatBytes(row.block_read_bytes)} / ${formatBytes(row.block_write_bytes)}`,
  },
  {
    id: "pids",
    header: text.challenges.pids,
    width: "6rem",
    end: true,
    sort: (row) => row.pids,
    cell: (row) => formatNumber(row.pids),
  },
];
