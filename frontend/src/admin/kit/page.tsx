import { type ReactNode, useEffect, useId } from "react";
import { text } from "../text";

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

/** One number with its name. */
export function Stat({ name, value, more }: { name: string; value: ReactNode; more?: ReactNode }) {
  return (
    <div className="flex min-w-0 flex-col rounded-xl border border-line bg-card p-4">
      <dt className="text-ink-soft text-sm">{name}</dt>
      <dd className="font-display font-semibold text-2xl tabular-nums">{value}</dd>
      {more && <dd className="break-words text-ink-soft text-xs tabular-nums">{more}</dd>}
    </div>
  );
}

/** Numbers side by side. */
export function Stats({ children }: { children: ReactNode }) {
  return <dl className="grid grid-cols-2 gap-3 md:grid-cols-3 xl:grid-cols-6">{children}</dl>;
}
