import { useEffect, useRef, useState } from "react";
import { asProblem, type Problem } from "@/api/client";
import type { Instance } from "@/api/types";
import { ConfirmDialog } from "@/components/ui/confirm-dialog";
import { Notice } from "@/components/ui/notice";
import { Progress } from "@/components/ui/progress";
import { detailOf } from "@/lib/problems";
import { text } from "@/lib/text";
import { ExtendButton, MainButton, RestartButton, WakeButton } from "./buttons";
import { InUse } from "./in-use";
import { isLive, type Phase, phaseOf } from "./phase";
import { useExtend, useRestart, useSpawn, useStop } from "./queries";
import { type Retry, useRetryWait } from "./retry";
import { WayIn, webOf } from "./running";
import { Status } from "./status";

type Props = {
  challenge: { id: string; name: string; timeout: number; closed: boolean };
  instance: Instance | null;
  /** Why nothing is started at the moment; empty: it is. */
  paused: string;
  /** When the time of the copy before was up, Unix milliseconds; undefined: it did not end so. */
  ended: number | undefined;
  /** What else of the player's runs. */
  others: Instance[];
};

/** Everything a player can do with their copy of a challenge, and how it is doing. */
export function InstanceControls({ challenge, instance, paused, ended, others }: Props) {
  const [asking, setAsking] = useState(false);
  const spawn = useSpawn();
  const stop = useStop();
  const extend = useExtend();
  const restart = useRestart();
  const phase = phaseOf(instance);
  const refused = [spawn, stop, extend, restart].find((action) => action.isError);
  const full = refused === spawn && asProblem(spawn.error).code === "quota_reached" && others.length > 0;
  const retry = retryOf(phase, instance, spawn.error);
  const wait = useRetryWait(retry);
  const underway =
    spawn.isPending || restart.isPending || phase === "queued" || phase === "starting" || phase === "stopping";

  function start() {
    for (const action of [stop, extend, restart]) action.reset(); // what they said is about the copy before
    spawn.mutate(challenge.id);
  }

  async function stopAndStart(other: Instance) {
    try {
      await stop.mutateAsync(other.id);
    } catch {
      return; // what it says is shown
    }
    start();
  }

  function confirmed() {
    setAsking(false);
    if (instance && isLive(instance)) stop.mutate(instance.id);
  }

  return (
    <footer className="@container relative mt-auto flex flex-col gap-3 border-line border-t p-4">
      {underway && (
        <div className="absolute inset-x-0 -top-px">
          <Progress label={text.instance.progressOf(challenge.name)} />
        </div>
      )}
      {phase === "failed" && !spawn.isPending && !refused && instance?.problem && (
        <Notice>{detailOf(instance.problem)}</Notice>
      )}
      {full && (
        <InUse
          name={challenge.name}
          others={others}
          onStop={(other) => void stopAndStart(other)}
          pending={stop.isPending || spawn.isPending}
          onDismiss={() => spawn.reset()}
        />
      )}
      {refused && !full && (
        <Notice dismiss={text.problem.close} onDismiss={() => refused.reset()}>
          <Refusal problem={asProblem(refused.error)} />
        </Notice>
      )}
      <div className="flex flex-wrap items-center gap-x-3 gap-y-2">
        <div className="min-w-32 flex-1">
          <Status
            instance={instance}
            pending={spawn.isPending || restart.isPending}
            timeout={challenge.timeout}
            retry={{ ...retry, wait }}
            paused={paused !== ""}
            closed={challenge.closed}
            ended={ended}
          />
        </div>
        <div className="ml-auto flex flex-wrap items-center justify-end gap-1">
          {(phase === "running" || phase === "sleeping") && instance && (
            <>
              {phase === "running" && <ExtendButton name={challenge.name} instance={instance} action={extend} />}
              {!challenge.closed && (
                <RestartButton
                  name={challenge.name}
                  pending={restart.isPending || stop.isPending || paused !== ""}
                  onRestart={() => restart.mutate(instance.id)}
                />
              )}
            </>
          )}
          {(!challenge.closed || isLive(instance)) && (
            <MainButton
              name={challenge.name}
              phase={phase}
              pending={spawn.isPending || stop.isPending || restart.isPending}
              again={phase === "failed" || spawn.isError}
              wait={wait}
              paused={paused}
              onStart={start}
              onStop={() => setAsking(true)}
            />
          )}
          {phase === "sleeping" && instance && !webOf(instance) && (
            <WakeButton
              name={challenge.name}
              pending={spawn.isPending || stop.isPending || restart.isPending}
              onWake={start}
            />
          )}
          {instance && (phase === "running" || (phase === "sleeping" && webOf(instance))) && (
            <WayIn primary instance={instance} />
          )}
        </div>
      </div>
      <Announcement name={challenge.name} phase={phase} />
      <ConfirmDialog
        open={asking}
        title={text.instance.stopTitle(challenge.name)}
        confirm={text.instance.stopConfirm}
        cancel={text.instance.stopCancel}
        onConfirm={confirmed}
        onClose={() => setAsking(false)}
      >
        {text.instance.stopText}
      </ConfirmDialog>
    </footer>
  );
}

/** Why the last start came to nothing: the answer to it, or what became of the instance afterwards. */
function retryOf(phase: Phase, instance: Instance | null, refusal: Error | null): Retry {
  if (refusal) return { cause: refusal, seconds: asProblem(refusal).retryAfter };
  if (phase !== "failed" || !instance?.problem) return { cause: undefined, seconds: 0 };
  return { cause: instance.problem, seconds: instance.problem.retry_after ?? 0 };
}

/** What the server said; for a fault of its own also what to tell the organisers, who find it in the log. */
function Refusal({ problem }: { problem: Problem }) {
  return (
    <>
      {problem.detail}
      {problem.status >= 500 && problem.requestId !== "" && (
        <span className="block text-ink-soft text-xs">{text.problem.request(problem.requestId)}</span>
      )}
    </>
  );
}

/** Tells a screen reader when the state changes, not what it is at first. */
function Announcement({ name, phase }: { name: string; phase: Phase }) {
  const first = useRef(phase);
  const [said, setSaid] = useState("");
  useEffect(() => {
    if (first.current === phase) return;
    first.current = phase;
    setSaid(`${name}: ${text.state[phase]}`);
  }, [name, phase]);
  return (
    <p role="status" className="sr-only">
      {said}
    </p>
  );
}
