import { useId } from "react";
import { cn } from "@/lib/cn";

/** The colours of lines, in the order in which they are given out; the dash tells them apart without colour too. */
const inks = ["text-accent", "text-good", "text-busy", "text-bad"] as const;
const dashes = ["", "6 3", "2 3", "8 3 2 3"] as const;

type SparkProps = { values: number[]; label: string; max?: number; className?: string };

/** A few numbers as a line, without axes. */
export function Sparkline({ values, label, max, className }: SparkProps) {
  const top = max ?? Math.max(1, ...values);
  return (
    <svg
      role="img"
      aria-label={label}
      viewBox="0 0 100 24"
      preserveAspectRatio="none"
      className={cn("h-6 w-24 text-accent", className)}
    >
      <path
        d={line(values, 100, 22, top, 1)}
        fill="none"
        stroke="currentColor"
        strokeWidth="1.5"
        vectorEffect="non-scaling-stroke"
      />
    </svg>
  );
}

/** One line of a chart; null is a gap. */
export type Series = { name: string; values: (number | null)[]; bad?: boolean };

type Props = {
  title: string;
  /** Unix milliseconds, rising; every series has a value for each. */
  times: number[];
  series: Series[];
  format: (value: number) => string;
  empty: string;
  /** The round number at the top of the scale, at least the highest value. */
  roundUp?: (most: number) => number;
};

const [width, height] = [320, 110];

/** Numbers over time. What it shows stands in a table too, for those who cannot see it. */
export function TimeChart({ title, times, series, format, empty, roundUp = niceTop }: Props) {
  const id = useId();
  const values = series.flatMap((s) => s.values).filter((v) => v !== null);
  const top = roundUp(Math.max(0, ...values));
  const latest = (s: Series) => s.values.findLast((v) => v !== null) ?? null;
  return (
    <figure
      aria-labelledby={id}
      className="relative flex min-w-0 flex-col gap-2 rounded-xl border border-line bg-card p-4"
    >
      <figcaption className="flex flex-wrap items-baseline justify-between gap-x-4 gap-y-1">
        <span id={id} className="font-semibold text-sm">
          {title}
        </span>
        <span className="flex flex-wrap gap-x-3 text-xs">
          {series.map((s, index) => {
            const value = latest(s);
            return (
              <span key={s.name} className="flex items-center gap-1.5 text-ink-soft tabular-nums">
                <svg aria-hidden viewBox="0 0 16 4" className={cn("h-1 w-4", inkOf(s, index))}>
                  <path
                    d="M0 2H16"
                    stroke="currentColor"
                    strokeWidth="2"
                    strokeDasharray={dashes[index % dashes.length]}
                  />
                </svg>
                {s.name} {value !== null && format(value)}
              </span>
            );
          })}
        </span>
      </figcaption>
      {values.length === 0 ? (
        <p className="grid h-32 grow place-items-center text-ink-soft text-sm">{empty}</p>
      ) : (
        <div className="flex h-32 grow gap-2">
          <div
            aria-hidden
            className="flex w-12 shrink-0 flex-col justify-between text-right text-ink-soft text-xs tabular-nums leading-none"
          >
            <span>{format(top)}</span>
            <span>{format(top / 2)}</span>
            <span className="mb-5">{format(0)}</span>
          </div>
          <div aria-hidden className="flex min-w-0 flex-1 flex-col gap-1">
            <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" className="min-h-0 flex-1">
              {[0.5, height / 2, height - 0.5].map((y) => (
                <path
                  key={y}
                  d={`M0 ${y}H${width}`}
                  className="text-line"
                  stroke="currentColor"
                  vectorEffect="non-scaling-stroke"
                />
              ))}
              {series.map((s, index) => (
                <path
                  key={s.name}
                  d={line(s.values, width, height, top, 0)}
                  className={inkOf(s, index)}
                  strokeLinecap="round"
                  fill="none"
                  stroke="currentColor"
                  strokeWidth="1.75"
                  strokeDasharray={dashes[index % dashes.length]}
                  strokeLinejoin="round"
                  vectorEffect="non-scaling-stroke"
                />
              ))}
            </svg>
            <div className="flex justify-between text-ink-soft text-xs tabular-nums">
              <span>{clock(times[0])}</span>
              <span>{clock(times.at(-1))}</span>
            </div>
          </div>
        </div>
      )}
      <div className="sr-only">
        <table>
          <caption>{title}</caption>
          <tbody>
            {series.map((s) => {
              const known = s.values.filter((v) => v !== null);
              return (
                <tr key={s.name}>
                  <th scope="row">{s.name}</th>
                  <td>
                    {known.length === 0 ? empty : `${format(Math.min(...known))} – ${format(Math.max(...known))}`}
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </figure>
  );
}

/** The path of some values; a gap begins a new piece, and a value alone is a dot. */
export function line(values: (number | null)[], w: number, h: number, top: number, pad: number): string {
  const step = values.length > 1 ? w / (values.length - 1) : 0;
  let path = "";
  let open = false;
  values.forEach((value, index) => {
    if (value === null) {
      open = false;
      return;
    }
    const x = (index * step).toFixed(1);
    const y = (pad + h - (Math.min(value, top) / top) * h).toFixed(1);
    path += `${open ? "L" : "M"}${x} ${y}`;
    if (!open && (values[index + 1] ?? null) === null) path += "h0.01"; // with round ends: a dot
    open = true;
  });
  return path;
}

function inkOf(series: Series, index: number): string {
  return series.bad ? "text-bad" : (inks[index % inks.length] ?? inks[0]);
}

/** The next round number for per cents, whose steps people can tell apart. */
export function percentTop(most: number): number {
  return Math.max(1, niceTop(most));
}

/** The next round number: 1, 2, 5, 10, 20, … */
export function niceTop(most: number): number {
  if (most <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(most));
  return ([1, 2, 5, 10].find((n) => n * power >= most) ?? 10) * power;
}

/** The next power of 2, for bytes. */
export function powerOf2(most: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, most)));
}

function clock(time: number | undefined): string {
  return time === undefined
    ? ""
    : new Date(time).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
}
