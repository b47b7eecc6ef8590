import { useQuery } from "@tanstack/react-query";
import type { InstanceUsage } from "@/api/admin";
import { percentTop, powerOf2, TimeChart } from "@/components/ui/chart";
import { type Column, Table } from "@/components/ui/table";
import { formatBytes, formatNumber } from "@/lib/format";
import { ClipCode } from "../kit/list";
import { Loaded } from "../kit/loaded";
import { type Sample, Samples } from "../kit/samples";
import { text } from "../text";
import { usageQuery } from "./queries";

type Figures = { cpu: number; memory: number; received: number; sent: number };

// Kept outside the dialog, so that closing it for a moment leaves no gap.
const instances = new Samples<Figures>();

/** What an instance uses, and has used since the dialog was first opened. */
export function Usage({ id }: { id: string }) {
  const usage = useQuery(usageQuery(id));
  return (
    <Loaded query={usage} className="h-96">
      {(now) => {
        const samples = now.sampled_at
          ? instances.add(id, Date.parse(now.sampled_at), {
              cpu: now.cpu_percent,
              memory: now.memory_bytes,
              received: now.network_rx_bytes,
              sent: now.network_tx_bytes,
            })
          : instances.of(id);
        return <Figures now={now} samples={samples} />;
      }}
    </Loaded>
  );
}

function Figures({ now, samples }: { now: InstanceUsage; samples: readonly Sample<Figures>[] }) {
  const chart = { times: samples.map(({ at }) => at), empty: text.monitoring.collecting };
  return (
    <div className="flex flex-col gap-4">
      <div className="grid gap-4 lg:grid-cols-3">
        <TimeChart
          {...chart}
          title={text.monitoring.cpuOfOne}
          format={(value) => `${formatNumber(value)} %`}
          roundUp={percentTop}
          series={[{ name: text.monitoring.cpu, values: samples.map(({ cpu }) => cpu) }]}
        />
        <TimeChart
          {...chart}
          title={text.usage.memory(formatBytes(now.memory_limit_bytes))}
          format={formatBytes}
          roundUp={powerOf2}
          series={[{ name: text.monitoring.memory, values: samples.map(({ memory }) => memory) }]}
        />
        <TimeChart
          {...chart}
          title={text.usage.network}
          format={(value) => text.usage.perSecond(formatBytes(value))}
          roundUp={powerOf2}
          series={[
            { name: text.usage.received, values: ratesOf(samples, "received") },
            { name: text.usage.sent, values: ratesOf(samples, "sent") },
          ]}
        />
      </div>
      <Table
        label={text.dashboard.containers}
        columns={columns}
        rows={now.containers}
        rowKey={({ id }) => id}
        empty={text.monitoring.collecting}
      />
    </div>
  );
}

/** How much a counter grows in a second, from sample to sample; a container that was started anew counts from 0. */
export function ratesOf(samples: readonly Sample<Figures>[], counter: "received" | "sent"): (number | null)[] {
  return samples.map((sample, index) => {
    const before = samples[index - 1];
    if (!before) return null;
    const grown = sample[counter] - before[counter];
    return (grown < 0 ? sample[counter] : grown) / ((sample.at - before.at) / 1000);
  });
}

const columns: Column<InstanceUsage["containers"][number]>[] = [
  {
    id: "service",
    header: text.usage.service,
    width: "minmax(8rem,1fr)",
    cell: ({ service }) => <ClipCode>{service}</ClipCode>,
  },
  {
    id: "cpu",
    header: text.monitoring.cpuOfOne,
    width: "8rem",
    end: true,
    cell: ({ cpu_percent }) => `${formatNumber(cpu_percent)} %`,
  },
  {
    id: "memory",
    header: text.monitoring.used,
    width: "9rem",
    end: true,
    cell: ({ memory_bytes }) => formatBytes(memory_bytes),
  },
  {
    id: "network",
    header: text.monitoring.network,
    width: "11rem",
    end: true,
    cell: (row) => `${formatBytes(row.network_rx_bytes)} / ${formatBytes(row.network_tx_bytes)}`,
  },
  { id: "pids", header: text.challenges.pids, width: "7rem", end: true, cell: ({ pids }) => formatNumber(pids) },
];
