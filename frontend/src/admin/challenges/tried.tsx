import { ExternalLink, Square } from "lucide-react";
import type { ReactNode } from "react";
import type { Draft, Trial } from "@/api/admin";
import { api, unwrapEmpty } from "@/api/client";
import { Badge, type Tone } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { CopyButton } from "@/components/ui/copy-button";
import { formatMoment, formatMS } from "@/lib/format";
import { stageOf } from "@/lib/problems";
import { useAction } from "../kit/action";
import { LogView } from "../kit/log-view";
import { text } from "../text";
import { buildLines } from "./build-lines";
import { trialQuery } from "./draft-queries";

const tones: Record<Trial["state"], Tone> = {
  building: "busy",
  starting: "busy",
  running: "good",
  failed: "bad",
  ended: "neutral",
};

const solvedTones = { green: "good", red: "bad", unknown: "neutral" } as const;

/** A draft that is tried, or was: where it is reached, what its solver has shown, or why it has not started. */
export function Tried({ draft, trial }: { draft: Draft; trial: Trial }) {
  const end = useAction<void, void>({
    act: () => unwrapEmpty(api.DELETE("/admin/api/drafts/{id}/trial", { params: { path: { id: draft.id } } })),
    failed: text.drafts.endFailed,
    renews: [trialQuery(draft.id).queryKey],
  });
  const over = trial.state === "failed" || trial.state === "ended";
  return (
    <div className="flex flex-col gap-3 rounded-xl border border-line bg-card p-4">
      <div className="flex flex-wrap items-center gap-3">
        <h2 className="font-semibold">{text.drafts.trial}</h2>
        <span role="status">
          <Badge tone={tones[trial.state]} pulse={trial.state === "building" || trial.state === "starting"}>
            {text.drafts.states[trial.state]}
          </Badge>
        </span>
        <span className="min-w-0 flex-1 basis-48 text-ink-soft text-sm">
          {stageOf(trial.stage)}
          {trial.state === "running" &&
            trial.expires_at &&
            text.drafts.until(formatMoment(trial.expires_at).slice(11, 16))}
        </span>
        <Button aria-disabled={end.isPending || undefined} onClick={() => !end.isPending && end.mutate()}>
          {!over && <Square aria-hidden className="size-4" />} {over ? text.drafts.clear : text.drafts.end}
        </Button>
      </div>
      {trial.reason && <p className="break-words">{trial.reason}</p>}
      {trial.printed.map(({ service, text: lines }) => (
        <Lines key={service} title={text.drafts.printed(service)} lines={lines} />
      ))}
      {trial.log && <LogView label={text.build.log} lines={buildLines(trial.log)} live={trial.state === "building"} />}
      {trial.routes.length > 0 && (
        <ul className="flex flex-col gap-2">
          {trial.routes.map(({ host, url, hint }) => (
            <li key={`${host} ${hint}`} className="flex min-w-0 items-center gap-2 font-mono text-sm">
              {url ? (
                <a
                  href={url}
                  target="_blank"
                  rel="noreferrer"
                  className="inline-flex min-h-8 min-w-0 items-center gap-1.5 text-accent underline underline-offset-4"
                >
                  <span className="break-all">{url}</span>
                  <ExternalLink aria-hidden className="size-4 shrink-0" />
                </a>
              ) : (
                <span className="min-w-0 break-all">{hint}</span>
              )}
              <CopyButton value={url || hint} what={url || hint} />
            </li>
          ))}
        </ul>
      )}
      {trial.flags.map((flag) => (
        <p key={flag} className="flex min-w-0 items-center gap-2 text-sm">
          <span className="shrink-0 text-ink-soft">{text.drafts.flag}</span>
          <code className="min-w-0 break-all font-mono">{flag}</code>
        </p>
      ))}
      {trial.state !== "failed" && <Solved draft={draft} trial={trial} />}
    </div>
  );
}

function Solved({ draft, trial: { state, solving, solved } }: { draft: Draft; trial: Trial }) {
  if (!solved && !solving) {
    return state === "running" && !draft.solver ? (
      <p className="text-ink-soft text-sm">{text.drafts.noSolver}</p>
    ) : null;
  }
  return (
    <>
      <div className="flex flex-wrap items-center gap-3">
        <span className="text-ink-soft text-sm">{text.challenges.solver}</span>
        {solving && (
          <Badge tone="busy" pulse>
            {text.challenges.solving}
          </Badge>
        )}
        {solved && (
          <>
            <Badge tone={solvedTones[solved.state]}>{text.drafts.found[solved.state]}</Badge>
            <span className="text-ink-soft text-sm tabular-nums">{formatMS(solved.took_ms)}</span>
          </>
        )}
      </div>
      {solved?.reason && <p className="break-words text-sm">{solved.reason}</p>}
      {solved?.output && <Lines title={text.challenges.solverPrinted} lines={solved.output} />}
    </>
  );
}

function Lines({ title, lines }: { title: ReactNode; lines: string }) {
  return (
    <details open>
      <summary className="cursor-pointer text-sm">{title}</summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: long lines are scrolled by keyboard too */}
      <pre tabIndex={0} className="max-h-64 overflow-auto rounded-lg bg-raised p-2 font-mono text-xs">
        {lines}
      </pre>
    </details>
  );
}
