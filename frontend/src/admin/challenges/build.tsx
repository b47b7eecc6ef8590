import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Hammer } from "lucide-react";
import { useEffect } from "react";
import type { AdminChallenge, ChallengeBuild } from "@/api/admin";
import { api, unwrap } from "@/api/client";
import { Badge, type Tone } from "@/components/ui/badge";
import { Notice } from "@/components/ui/notice";
import { Progress } from "@/components/ui/progress";
import { type Column, Table } from "@/components/ui/table";
import { formatMoment, formatMS } from "@/lib/format";
import { useAction } from "../kit/action";
import { Loaded } from "../kit/loaded";
import { LogView } from "../kit/log-view";
import { Button } from "../kit/takes";
import { text } from "../text";
import { buildLines } from "./build-lines";
import { buildQuery, challengesQuery } from "./queries";

const tones: Record<ChallengeBuild["state"], Tone> = {
  queued: "accent",
  building: "busy",
  ready: "good",
  failed: "bad",
};

/** How a challenge's images were built, live while they are being built, and how flags get into its instances. */
export function Build({ challenge }: { challenge: AdminChallenge }) {
  const client = useQueryClient();
  const query = buildQuery(challenge.id);
  const build = useQuery(query);
  const again = useAction<void>({
    act: async () => {
      client.setQueryData(
        query.queryKey,
        await unwrap(api.POST("/admin/api/challenges/{id}/build", { params: { path: { id: challenge.id } } })),
      );
    },
    failed: text.build.againFailed,
    renews: [challengesQuery.queryKey], // the state at the top of the page
  });

  // biome-ignore lint/correctness/useExhaustiveDependencies: the key is made of the id
  useEffect(() => {
    const source = new EventSource(`/admin/api/challenges/${encodeURIComponent(challenge.id)}/build`);
    source.addEventListener("build", (event) =>
      client.setQueryData(query.queryKey, JSON.parse((event as MessageEvent<string>).data) as ChallengeBuild),
    );
    return () => source.close();
  }, [challenge.id]);

  return (
    <Loaded query={build} className="h-96">
      {(now) => (
        <div className="flex flex-col gap-4">
          <div className="relative flex flex-wrap items-center gap-3 overflow-hidden rounded-xl border border-line bg-card p-4">
            {now.state === "building" && (
              <div className="absolute inset-x-0 top-0">
                <Progress label={text.build.states.building} />
              </div>
            )}
            <Badge tone={tones[now.state]} pulse={now.state === "queued" || now.state === "building"}>
              {text.build.states[now.state]}
            </Badge>
            <span className="min-w-0 break-words text-ink-soft text-sm tabular-nums">
              {text.build.when(formatMoment(now.started_at), formatMoment(now.ended_at))}
            </span>
            <Button
              takes="operator"
              className="sm:ml-auto"
              aria-disabled={again.isPending || now.state === "building" || undefined}
              onClick={() => !again.isPending && now.state !== "building" && again.mutate()}
            >
              <Hammer aria-hidden className="size-4" /> {text.build.again}
            </Button>
          </div>
          {now.reason && <Notice>{now.reason}</Notice>}
          {now.placing !== "" && (
            <p className="text-sm">
              <strong className="font-semibold">{text.build.placing}</strong> {now.placing}
            </p>
          )}
          <Stages stages={now.stages} />
          <LogView label={text.build.log} lines={buildLines(now.log)} live={now.state === "building"} />
          {now.per_owner && (
            <>
              <p className="text-sm">{text.build.perOwner}</p>
              <Table
                label={text.build.owners}
                columns={columns}
                rows={now.owners}
                rowKey={({ owner, revision }) => `${owner} ${revision}`}
                empty={text.build.noOwners}
              />
            </>
          )}
        </div>
      )}
    </Loaded>
  );
}

function Stages({ stages }: { stages: ChallengeBuild["stages"] }) {
  if (stages.length === 0) return null;
  return (
    <ol className="flex flex-wrap gap-2">
      {stages.map(({ name, started_at, ended_at, failed }) => (
        <li key={`${name} ${started_at}`}>
          <Badge tone={failed ? "bad" : ended_at ? "good" : "busy"} pulse={!ended_at}>
            {ended_at ? `${name}, ${formatMS(Date.parse(ended_at) - Date.parse(started_at))}` : name}
          </Badge>
        </li>
      ))}
    </ol>
  );
}

const columns: Column<ChallengeBuild["owners"][number]>[] = [
  { id: "owner", header: text.logs.owner, width: "minmax(10rem,1fr)", cell: ({ owner }) => owner },
  {
    id: "instance",
    header: text.logs.instance,
    width: "minmax(12rem,1fr)",
    cell: ({ instance }) => <code className="truncate text-[0.8125rem]">{instance || text.none}</code>,
  },
  { id: "at", header: text.logs.at, width: "12.5rem", cell: ({ at }) => formatMoment(at) },
  { id: "took", header: text.build.took, width: "8rem", end: true, cell: ({ took_ms }) => formatMS(took_ms) },
  {
    id: "state",
    header: text.challenges.state,
    width: "8rem",
    cell: ({ failed }) => (
      <Badge tone={failed ? "bad" : "good"}>{failed ? text.build.states.failed : text.build.states.ready}</Badge>
    ),
  },
];
