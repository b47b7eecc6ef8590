import { useQuery } from "@tanstack/react-query";
import { TimeChart } from "@/components/ui/chart";
import { Segmented } from "@/components/ui/segmented";
import { formatMS, formatNumber } from "@/lib/format";
import { useFilters } from "../kit/filters";
import { Loaded } from "../kit/loaded";
import { Section } from "../kit/page";
import { text } from "../text";
import { seriesQuery, spans } from "./queries";

/** How it has been: what was started and failed, how long that took, what ran. */
export function Charts() {
  const [filters, setFilters] = useFilters();
  const span = spans.find((one) => one === filters.span) ?? "60";
  const series = useQuery(seriesQuery(span));
  return (
    <Section
      title={text.charts.title}
      actions={
        <Segmented
          label={text.charts.span}
          value={span}
          onChange={(next) => setFilters({ span: next === "60" ? undefined : next })}
          options={spans.map((value) => ({ value, label: text.charts.spans[value] }))}
        />
      }
    >
      <Loaded query={series} className="h-52">
        {(parts) => {
          const times = parts.map(({ at }) => Date.parse(at));
          const known = (ms: number) => (ms === 0 ? null : ms); // nothing began to run then
          return (
            <div className="grid gap-4 lg:grid-cols-3">
              <TimeChart
                title={text.charts.running}
                times={times}
                format={formatNumber}
                empty={text.charts.none}
                series={[{ name: text.charts.running, values: parts.map(({ running }) => running) }]}
              />
              <TimeChart
                title={text.charts.starts}
                times={times}
                format={formatNumber}
                empty={text.charts.none}
                series={[
                  { name: text.charts.spawned, values: parts.map(({ spawned }) => spawned) },
                  { name: text.charts.failed, values: parts.map(({ failed }) => failed), bad: true },
                ]}
              />
              <TimeChart
                title={text.charts.latency}
                times={times}
                format={formatMS}
                empty={text.charts.none}
                series={[
                  { name: text.charts.median, values: parts.map(({ median_ms }) => known(median_ms)) },
                  { name: text.charts.slow, values: parts.map(({ slow_ms }) => known(slow_ms)) },
                ]}
              />
            </div>
          );
        }}
      </Loaded>
    </Section>
  );
}
