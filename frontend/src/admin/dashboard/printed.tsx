import type { AdminInstanceDetail } from "@/api/admin";
import { text } from "../text";

/** The last lines of each service, kept of an instance that did not start or ended by itself. */
export function Printed({ printed }: { printed: AdminInstanceDetail["printed"] }) {
  if (printed.length === 0) return null;
  return (
    <section aria-label={text.dashboard.printed} className="flex flex-col gap-2">
      <h3 className="font-semibold text-sm">{text.dashboard.printed}</h3>
      {printed.map(({ service, text: lines }) => (
        <figure key={service}>
          <figcaption className="mb-1 font-mono text-ink-soft text-xs">{service}</figcaption>
          <pre
            // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
            tabIndex={0}
            className="max-h-56 overflow-auto rounded-lg border border-line bg-ground p-3 font-mono text-xs leading-5"
          >
            {lines.replace(/\n$/, "")}
          </pre>
        </figure>
      ))}
    </section>
  );
}
