import { useQuery } from "@tanstack/react-query";
import { Camera, RefreshCcw, Square } from "lucide-react";
import { type ReactNode, useState } from "react";
import type { AdminInstanceDetail } from "@/api/admin";
import { api, unwrap } from "@/api/client";
import { Badge } from "@/components/ui/badge";
import { CopyButton } from "@/components/ui/copy-button";
import { Dialog } from "@/components/ui/dialog";
import { Notice } from "@/components/ui/notice";
import { Segmented } from "@/components/ui/segmented";
import { formatBytes, formatMoment } from "@/lib/format";
import { detailOf, stageOf } from "@/lib/problems";
import { useAction } from "../kit/action";
import { TabLink } from "../kit/link";
import { useAfterEvents } from "../kit/live";
import { Loaded } from "../kit/loaded";
import { Button, useMay } from "../kit/takes";
import { whoamiQuery } from "../queries";
import { text } from "../text";
import { isLive, StateBadge } from "./instances";
import { Output } from "./output";
import { Printed } from "./printed";
import { instanceQuery } from "./queries";
import { useRestart } from "./restart";
import { ShellView } from "./shell";
import { StopDialog } from "./stop-dialog";
import { Usage } from "./usage";

type Props = { id: string; onClose: () => void };

/** All there is to know of an instance: what it is, what happened to it, what its containers write. */
export function InstanceDialog({ id, onClose }: Props) {
  const instance = useQuery(instanceQuery(id));
  useAfterEvents(
    (event) => event.instance === id,
    () => instance.refetch(),
    500,
  );
  return (
    <Dialog
      open
      wide
      title={instance.data ? text.dashboard.of(instance.data.challenge_name, instance.data.owner.name) : id}
      close={text.close}
      onClose={onClose}
    >
      <Loaded query={instance} className="h-96">
        {(found) => <Detail instance={found} />}
      </Loaded>
    </Dialog>
  );
}

function Detail({ instance }: { instance: AdminInstanceDetail }) {
  const [view, setView] = useState<"about" | "usage" | "output" | "shell">("about");
  const [stopping, setStopping] = useState(false);
  const may = useMay();
  const shells = useQuery(whoamiQuery).data?.shells === true && may("operator") && isLive(instance);
  const restart = useRestart();
  const capture = useAction<void>({
    act: () => unwrap(api.POST("/admin/api/forensics/live-capture/{id}", { params: { path: { id: instance.id } } })),
    done: () => text.dashboard.captured,
    failed: text.dashboard.captureFailed,
    renews: [["admin", "captures"]],
  });
  return (
    <div className="flex min-h-[60vh] flex-col gap-4">
      <div className="flex flex-wrap items-center gap-3">
        <StateBadge state={instance.state} />
        <Segmented
          label={text.dashboard.view}
          value={view}
          onChange={setView}
          options={[
            { value: "about", label: text.dashboard.about },
            { value: "usage", label: text.dashboard.usage },
            { value: "output", label: text.dashboard.output },
            ...(shells ? [{ value: "shell" as const, label: text.shell.title }] : []),
          ]}
        />
        <div className="flex flex-wrap gap-2 sm:ml-auto">
          {instance.state === "running" && (
            <Button takes="operator" onClick={() => capture.mutate()} aria-disabled={capture.isPending || undefined}>
              <Camera aria-hidden className="size-4" /> {text.dashboard.capture}
            </Button>
          )}
          {isLive(instance) && (
            <>
              <Button
                takes="operator"
                onClick={() => restart.mutate(instance)}
                aria-disabled={restart.isPending || undefined}
              >
                <RefreshCcw aria-hidden className="size-4" /> {text.dashboard.restart}
              </Button>
              <Button takes="operator" className="text-bad" onClick={() => setStopping(true)}>
                <Square aria-hidden className="size-3.5 fill-current" /> {text.dashboard.stop}
              </Button>
            </>
          )}
        </div>
      </div>
      {instance.stage !== "" && (
        <p role="status" className="text-sm">
          {stageOf(instance.stage)}
        </p>
      )}
      {instance.problem && <Notice>{detailOf(instance.problem)}</Notice>}
      {view === "about" && <Printed printed={instance.printed} />}
      {view === "about" ? (
        <About instance={instance} />
      ) : view === "usage" ? (
        <Usage id={instance.id} />
      ) : view === "shell" ? (
        <ShellView instance={instance} />
      ) : (
        <Output id={instance.id} />
      )}
      {stopping && <StopDialog instance={instance} onClose={() => setStopping(false)} />}
    </div>
  );
}

function About({ instance }: { instance: AdminInstanceDetail }) {
  const facts: [string, string][] = [
    [text.logs.instance, instance.id],
    [text.dashboard.ownerID, instance.owner.id],
    [text.logs.player, instance.player],
    [text.dashboard.created, formatMoment(instance.created_at)],
    [text.dashboard.started, formatMoment(instance.started_at)],
    [text.dashboard.expires, formatMoment(instance.expires_at)],
    [text.dashboard.ended, [formatMoment(instance.ended_at), instance.stop_cause].filter(Boolean).join(", ")],
    [text.dashboard.revision, instance.revision],
    [text.dashboard.limit, formatBytes(instance.memory)],
    [text.dashboard.subnet, instance.subnet],
    [text.dashboard.addresses, pairs(instance.addresses)],
    [text.dashboard.ports, pairs(instance.ports)],
  ];
  return (
    <div className="grid gap-6 lg:grid-cols-2">
      <div className="flex min-w-0 flex-col gap-4">
        <dl className="flex flex-col divide-y divide-line border-line border-y text-sm">
          {facts
            .filter(([, value]) => value !== "")
            .map(([name, value]) => (
              <div key={name} className="flex min-h-9 items-center gap-3 py-1">
                <dt className="w-28 shrink-0 text-ink-soft">{name}</dt>
                <dd className="min-w-0 break-all font-mono text-[0.8125rem]">{value}</dd>
              </div>
            ))}
        </dl>
        <p className="flex flex-wrap gap-4 text-sm">
          <TabLink to="/logs" filters={{ instance: instance.id }} className="text-accent underline underline-offset-4">
            {text.dashboard.events}
          </TabLink>
          <TabLink
            to="/logs"
            filters={{ view: "forensics", instance: instance.id }}
            className="text-accent underline underline-offset-4"
          >
            {text.dashboard.captures}
          </TabLink>
          <TabLink
            to="/monitoring"
            filters={{ owner: instance.owner.id }}
            className="text-accent underline underline-offset-4"
          >
            {text.dashboard.metrics}
          </TabLink>
        </p>
      </div>
      <div className="flex min-w-0 flex-col gap-5">
        <List title={text.dashboard.routes}>
          {instance.routes.map((route) => {
            const line = route.type === "http" ? route.url : route.hint;
            return (
              line !== "" && (
                <li key={route.name} className="flex items-center gap-2">
                  {route.type === "http" ? (
                    <a
                      href={route.url}
                      target="_blank"
                      rel="noopener noreferrer"
                      className="min-w-0 flex-1 break-all font-mono text-[0.8125rem] text-accent underline underline-offset-4"
                    >
                      {line}
                    </a>
                  ) : (
                    <code className="min-w-0 flex-1 break-all text-[0.8125rem]">{line}</code>
                  )}
                  <CopyButton value={line} what={route.name || route.type} />
                </li>
              )
            );
          })}
        </List>
        <List title={text.dashboard.containers}>
          {instance.containers.map(({ id, service, name, running }) => (
            <li key={id} className="flex flex-wrap items-center gap-2 text-sm">
              <Badge tone={running ? "good" : "bad"}>{running ? text.dashboard.up : text.dashboard.down}</Badge>
              <span>{service}</span>
              <code className="min-w-0 break-all text-ink-soft text-xs">{name}</code>
            </li>
          ))}
        </List>
        <List title={text.dashboard.happened}>
          {instance.events.map((event) => (
            <li key={`${event.at} ${event.type}`} className="text-sm">
              <span className="text-ink-soft text-xs tabular-nums">{formatMoment(event.at)}</span>{" "}
              <strong className="font-semibold">{event.type.replaceAll("_", " ")}</strong>{" "}
              <span className="break-words text-ink-soft">{event.message}</span>
            </li>
          ))}
        </List>
      </div>
    </div>
  );
}

function pairs(map: Record<string, string | number>): string {
  return Object.entries(map)
    .map(([from, to]) => `${from} → ${to}`)
    .join(", ");
}

function List({ title, children }: { title: string; children: ReactNode[] }) {
  return (
    <section>
      <h3 className="mb-1.5 font-semibold text-sm">{title}</h3>
      {children.some(Boolean) ? (
        <ul className="flex flex-col gap-1.5">{children}</ul>
      ) : (
        <p className="text-ink-soft text-sm">{text.none}</p>
      )}
    </section>
  );
}
