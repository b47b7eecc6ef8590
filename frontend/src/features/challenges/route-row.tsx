import { ExternalLink } from "lucide-react";
import type { ReactNode } from "react";
import type { Challenge, Route } from "@/api/types";
import { CopyButton } from "@/components/ui/copy-button";
import { text } from "@/lib/text";
import { CurlButton } from "./curl-button";
import { useTool } from "./tool";
import { type Way, waysOf } from "./ways";

/** What a route does for whoever uses it now. */
export type Readiness = "asleep" | "underway" | "running";

type Props = {
  route: Route;
  readiness: Readiness;
  access: Challenge["access"];
  /** There is a button elsewhere that opens it. */
  opened: boolean;
};

/** One way into a challenge: a web address to open, or a line to copy into a terminal. */
export function RouteRow({ route, readiness, access, opened }: Props) {
  const kind = text.route[route.type];
  const label = route.name ? text.route.named(kind, route.name) : kind;
  const value = route.type === "http" ? route.url : route.hint;
  const known = value !== "" && (route.type !== "port" || route.port > 0);
  return (
    <div className="flex flex-col gap-0.5">
      <p className="text-ink-soft text-xs">{label}</p>
      {!known ? (
        <p className="flex min-h-[2.625rem] items-center rounded-lg border border-line border-dashed px-3 text-ink-soft text-sm">
          {text.route.portLater}
        </p>
      ) : route.type === "http" ? (
        <div className="flex items-center gap-1 rounded-lg border border-line bg-ground/60 pl-3">
          {opened ? <Line>{value}</Line> : <Address url={value} />}
          <CurlButton host={route.host} url={access === "link" && readiness === "running" ? value : ""} />
          <CopyButton value={value} what={label} />
        </div>
      ) : (
        <Tools ways={waysOf(route)} first={value} label={label} />
      )}
      {known && <Advice route={route} readiness={readiness} />}
    </div>
  );
}

function Address({ url }: { url: string }) {
  return (
    <a
      href={url}
      target="_blank"
      rel="noopener noreferrer"
      title={url}
      className="flex min-h-10 min-w-0 flex-1 items-center gap-2 text-accent underline decoration-accent-line underline-offset-4 hover:decoration-current"
    >
      <span className="min-w-0 truncate py-1.5 font-mono text-[0.8125rem]">{shortened(url)}</span>
      <ExternalLink aria-hidden className="size-3.5 shrink-0" />
      <span className="sr-only">({text.challenges.newTab})</span>
    </a>
  );
}

/** An address without what is the same in all of them: the scheme, and the slash at the end. */
function shortened(url: string): string {
  return url.replace(/^https?:\/\//, "").replace(/\/$/, "");
}

function Line({ children }: { children: ReactNode }) {
  return <code className="min-w-0 flex-1 break-all py-2 font-mono text-[0.8125rem]">{children}</code>;
}

type ToolsProps = { ways: Way[]; first: string; label: string };

/** The line for the tool that the player uses, which is remembered; the others are one click away. */
function Tools({ ways, first, label }: ToolsProps) {
  const [tool, setTool] = useTool();
  const all = [{ tool: toolOf(first), line: first }, ...ways.filter(({ tool: name }) => name !== toolOf(first))];
  const chosen = all.find((way) => way.tool === tool) ?? (all[0] as Way);
  return (
    <>
      <div className="flex items-center gap-1 rounded-lg border border-line bg-ground/60 pl-3">
        <Line>{chosen.line}</Line>
        <CopyButton value={chosen.line} what={label} />
      </div>
      {all.length > 1 && (
        <fieldset aria-label={text.route.tool} className="flex flex-wrap gap-x-1 text-xs">
          {all.map(({ tool: name }) => (
            <button
              key={name}
              type="button"
              aria-pressed={name === chosen.tool}
              onClick={() => setTool(name)}
              className="min-h-8 cursor-pointer rounded px-2 text-ink-soft hover:text-ink aria-pressed:bg-accent-ground aria-pressed:font-semibold aria-pressed:text-accent"
            >
              {name}
            </button>
          ))}
        </fieldset>
      )}
    </>
  );
}

function toolOf(line: string): string {
  return line.split(" ", 1)[0] ?? line;
}

function Advice({ route, readiness }: { route: Route; readiness: Readiness }) {
  const said = advice(route, readiness);
  return said && <p className="text-ink-soft text-xs">{said}</p>;
}

function advice({ type, wakes }: Route, readiness: Readiness): string {
  if (readiness === "running") return "";
  if (readiness === "underway") return text.route.opensWait;
  if (type !== "http") return wakes ? text.route.connectStarts : text.route.startFirst;
  return wakes ? text.route.opensStart : text.route.noWake;
}
