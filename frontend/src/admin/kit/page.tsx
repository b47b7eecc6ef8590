import { type ReactNode, useEffect, useId } from "react";
import { cn } from "@/lib/cn";
import { text } from "../text";
import type { Filters } from "./filters";
import { TabLink } from "./link";

type Props = { title: string; lead: string; actions?: ReactNode; children: ReactNode };

/** One tab: its name in the browser's title, its heading, what can be done on all of it. */
export function Page({ title, lead, actions, children }: Props) {
  useEffect(() => {
    document.title = `${title} · ${text.app.name}`;
  }, [title]);
  return (
    <>
      <div className="mb-6 flex flex-wrap items-end justify-between gap-x-6 gap-y-3">
        <div className="min-w-0 max-w-prose">
          <h1 className="font-display font-semibold text-3xl">{title}</h1>
          <p className="text-ink-soft">{lead}</p>
        </div>
        {actions && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
      </div>
      <div className="flex flex-col gap-8">{children}</div>
    </>
  );
}

/** A part of a tab under a heading of its own. */
export function Section({ title, lead, actions, children }: Omit<Props, "lead"> & { lead?: string }) {
  const id = useId();
  return (
    <section aria-labelledby={id} className="min-w-0">
      <div className="mb-3 flex flex-wrap items-end justify-between gap-x-6 gap-y-2">
        <div className="min-w-0">
          <h2 id={id} className="font-display font-semibold text-xl">
            {title}
          </h2>
          {lead && <p className="text-ink-soft text-sm">{lead}</p>}
        </div>
        {actions && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
      </div>
      {children}
    </section>
  );
}

/** How bad a figure is. */
type StatTone = "calm" | "busy" | "bad";

const statInks: Record<StatTone, string> = { calm: "", busy: "text-busy", bad: "text-bad" };

/** How bad it is that so much of something, in per cent, is in use. */
export function toneOf(percent: number): StatTone {
  if (percent >= 95) return "bad";
  return percent >= 80 ? "busy" : "calm";
}

type StatProps = {
  name: string;
  value: ReactNode;
  more?: ReactNode;
  tone?: StatTone;
  /** What of a list it counts. */
  filters?: Filters;
};

/** One number with its name, and the way to what it counts. */
export function Stat({ name, value, more, tone = "calm", filters }: StatProps) {
  return (
    <div className="flex min-w-0 flex-col rounded-xl border border-line bg-card px-4 py-3">
      <dt className="text-ink-soft text-sm">
        {filters ? (
          <TabLink to="/" filters={filters} className="underline decoration-line-strong underline-offset-4">
            {name}
          </TabLink>
        ) : (
          name
        )}
      </dt>
      <dd className={cn("font-display font-semibold text-2xl tabular-nums", statInks[tone])}>{value}</dd>
      {more && <dd className="break-words text-ink-soft text-xs tabular-nums">{more}</dd>}
    </div>
  );
}

/** Numbers side by side. */
export function Stats({ children }: { children: ReactNode }) {
  return <dl className="grid grid-cols-2 gap-3 md:grid-cols-3 xl:grid-cols-6">{children}</dl>;
}
