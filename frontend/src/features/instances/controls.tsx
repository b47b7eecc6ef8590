import { useEffect, useRef, useState } from "react";
import { asProblem, type Problem } from "@/api/client";
import type { Instance } from "@/api/types";
import { ConfirmDialog } from "@/components/ui/confirm-dialog";
import { Notice } from "@/components/ui/notice";
import { Progress } from "@/components/ui/progress";
import { text } from "@/lib/text";
import { ExtendButton, MainButton } from "./buttons";
import { isLive, type Phase, phaseOf } from "./phase";
import { useExtend, useSpawn, useStop } from "./queries";
import { type Retry, useRetryWait } from "./retry";
import { Status } from "./status";

type Props = {
  challenge: { id: string; name: string; timeout: number };
  instance: Instance | null;
};

/** Everything a player can do with their copy of a challenge, and how it is doing. */
export function InstanceControls({ challenge, instance }: Props) {
  const [asking, setAsking] = useState(false);
  const spawn = useSpawn();
  const stop = useStop();
  const extend = useExtend();
  const phase = phaseOf(instance);
  const refused = [spawn, stop, extend].find((action) => action.isError);
  const retry = retryOf(phase, instance, spawn.error);
  const wait = useRetryWait(retry);
  const underway = spawn.isPending || phase === "queued" || phase === "starting" || phase === "stopping";

  function start() {
    for (const action of [stop, extend]) action.reset(); // what they said is about the copy before
    spawn.mutate(challenge.id);
  }

  function confirmed() {
    setAsking(false);
    if (instance && isLive(instance)) stop.mutate(instance.id);
  }

  return (
    <footer className="relative mt-auto flex flex-col gap-3 border-line border-t p-4">
      {underway && (
        <div className="absolute inset-x-0 -top-px">
          <Progress label={text.instance.progressOf(challenge.name)} />
        </div>
      )}
      {phase === "failed" && !spawn.isPending && !refused && instance?.problem && (
        <Notice>{instance.problem.detail}</Notice>
      )}
      {refused && (
        <Notice dismiss={text.problem.close} onDismiss={() => refused.reset()}>
          <Refusal problem={asProblem(refused.error)} />
        </Notice>
      )}
      <div className="flex min-h-14 flex-wrap items-center gap-x-3 gap-y-2">
        <div className="min-w-32 flex-1">
          <Status
            instance={instance}
            pending={spawn.isPending}
            timeout={challenge.timeout}
            retry={{ ...retry, wait }}
          />
        </div>
        <div className="ml-auto flex items-center gap-2">
          {phase === "running" && instance && (
            <ExtendButton name={challenge.name} instance={instance} action={extend} />
          )}
          <MainButton
            name={challenge.name}
            phase={phase}
            pending={spawn.isPending || stop.isPending}
            again={phase === "failed" || spawn.isError}
            wait={wait}
            onStart={start}
            onStop={() => setAsking(true)}
          />
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
