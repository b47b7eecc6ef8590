import { ChevronRight, ExternalLink } from "lucide-react";
import type { ReactNode } from "react";
import type { Route } from "@/api/types";
import { CopyButton } from "@/components/ui/copy-button";
import { text } from "@/lib/text";
import { CurlButton } from "./curl-button";
import { type Way, waysOf } from "./ways";

/** What a route does for whoever uses it now. */
export type Readiness = "asleep" | "underway" | "running";

type Props = { route: Route; readiness: Readiness; wake: boolean };

/** One way into a challenge: a web address to open, or a line to copy into a terminal. */
export function RouteRow({ route, readiness, wake }: Props) {
  const kind = text.route[route.type];
  const label = route.name ? text.route.named(kind, route.name) : kind;
  const value = route.type === "http" ? route.url : route.hint;
  const known = value !== "" && (route.type !== "port" || (readiness === "running" && route.port > 0));
  return (
    <div className="flex flex-col gap-0.5">
      <p className="text-ink-soft text-xs">{label}</p>
      {known ? (
        <div className="flex items-center gap-1 rounded-lg border border-line bg-ground/60 pl-3">
          {route.type === "http" ? <Address url={value} /> : <Line>{value}</Line>}
          {route.type === "http" && <CurlButton host={route.host} />}
          <CopyButton value={value} what={label} />
        </div>
      ) : (
        <p className="flex min-h-[2.625rem] items-center rounded-lg border border-line border-dashed px-3 text-ink-soft text-sm">
          {text.route.portLater}
        </p>
      )}
      {known && <Advice type={route.type} readiness={readiness} wake={wake} />}
      {known && <OtherTools ways={waysOf(route)} />}
    </div>
  );
}

function Address({ url }: { url: string }) {
  return (
    <a
      href={url}
      target="_blank"
      rel="noopener noreferrer"
      className="flex min-h-10 min-w-0 flex-1 items-center gap-2 text-accent underline decoration-accent-line underline-offset-4 hover:decoration-current"
    >
      <span className="min-w-0 break-all py-1.5 font-mono text-[0.8125rem]">{url}</span>
      <ExternalLink aria-hidden className="size-3.5 shrink-0" />
      <span className="sr-only">({text.challenges.newTab})</span>
    </a>
  );
}

function Line({ children }: { children: ReactNode }) {
  return <code className="min-w-0 flex-1 break-all py-2 font-mono text-[0.8125rem]">{children}</code>;
}

/** The same by other tools, for whoever asks. */
function OtherTools({ ways }: { ways: Way[] }) {
  if (ways.length === 0) return null;
  return (
    <details className="group text-sm">
      <summary className="flex min-h-8 w-fit cursor-pointer list-none items-center gap-1 text-accent text-xs">
        <ChevronRight aria-hidden className="size-3.5 transition-transform group-open:rotate-90" />
        {text.route.otherTools}
      </summary>
      <ul className="flex flex-col gap-1">
        {ways.map(({ tool, line }) => (
          <li key={tool} className="flex items-center gap-1 rounded-lg border border-line bg-ground/60 pl-3">
            <span className="w-16 shrink-0 text-ink-soft text-xs">{tool}</span>
            <Line>{line}</Line>
            <CopyButton value={line} what={text.route.toolLine(tool)} />
          </li>
        ))}
      </ul>
    </details>
  );
}

/** The line is always there, so that the card keeps its height when the instance starts or ends. */
function Advice({ type, readiness, wake }: { type: Route["type"]; readiness: Readiness; wake: boolean }) {
  return <p className="min-h-4 text-ink-soft text-xs">{advice(type, readiness, wake)}</p>;
}

function advice(type: Route["type"], readiness: Readiness, wake: boolean): string {
  if (readiness === "running") return "";
  if (type !== "http") return text.route.startFirst;
  if (readiness === "underway") return text.route.opensWait;
  return wake ? text.route.opensStart : text.route.noWake;
}
