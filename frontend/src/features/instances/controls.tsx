import { Play, RotateCw, Square, TimerReset } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { asProblem } from "@/api/client";
import type { Instance } from "@/api/types";
import { Button } from "@/components/ui/button";
import { ConfirmDialog } from "@/components/ui/confirm-dialog";
import { Notice } from "@/components/ui/notice";
import { Progress } from "@/components/ui/progress";
import { useServerNow } from "@/lib/clock";
import { text } from "@/lib/text";
import { formatClock, formatSpan } from "@/lib/time";
import { isLive, type Phase, phaseOf } from "./phase";
import { useExtend, useSpawn, useStop } from "./queries";
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
  const failed = [spawn, stop, extend].find((action) => action.isError);
  const underway = spawn.isPending || phase === "queued" || phase === "starting" || phase === "stopping";

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
      {phase === "failed" && !spawn.isPending && !failed && instance?.problem && (
        <Notice>{instance.problem.detail}</Notice>
      )}
      {failed && (
        <Notice dismiss={text.problem.close} onDismiss={() => failed.reset()}>
          {asProblem(failed.error).detail}
        </Notice>
      )}
      <div className="flex min-h-11 flex-wrap items-center gap-x-3 gap-y-2">
        <div className="min-w-32 flex-1">
          <Status instance={instance} pending={spawn.isPending} timeout={challenge.timeout} />
        </div>
        <div className="ml-auto flex items-center gap-2">
          {phase === "running" && instance && (
            <ExtendButton name={challenge.name} instance={instance} action={extend} />
          )}
          <MainButton
            name={challenge.name}
            phase={phase}
            spawn={spawn}
            stopping={stop.isPending}
            onStart={() => spawn.mutate(challenge.id)}
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

type MainProps = {
  name: string;
  phase: Phase;
  spawn: ReturnType<typeof useSpawn>;
  stopping: boolean;
  onStart: () => void;
  onStop: () => void;
};

/**
 * Start, Stop or Retry. It is one and the same button all the time, and never `disabled`, so that whoever pressed it by
 * keyboard keeps the focus while its meaning changes.
 */
function MainButton({ name, phase, spawn, stopping, onStart, onStop }: MainProps) {
  const now = useServerNow();
  const refused = spawn.isError ? asProblem(spawn.error) : undefined;
  const refusedAt = useRef(0);
  useEffect(() => {
    if (refused) refusedAt.current = now;
    // Only the moment of the refusal counts, not the ticks after it.
    // biome-ignore lint/correctness/useExhaustiveDependencies: see above
  }, [refused]);

  const live = phase !== "asleep" && phase !== "failed";
  const wait = refused?.retryAfter ? (refusedAt.current + refused.retryAfter * 1000 - now) / 1000 : 0;
  const busy = spawn.isPending || stopping || phase === "stopping";
  const idle = busy || (!live && refusedAt.current > 0 && wait > 0);
  const again = phase === "failed" || refused !== undefined;

  const act = live ? onStop : onStart;
  const label = live ? text.instance.stopOf : again ? text.instance.retryOf : text.instance.startOf;
  return (
    <Button
      look={live ? "secondary" : "primary"}
      aria-label={label(name)}
      aria-disabled={idle || undefined}
      onClick={() => !idle && act()}
      className="min-w-24"
    >
      {live ? (
        <>
          <Square aria-hidden className="size-3.5" /> {text.instance.stop}
        </>
      ) : again ? (
        <>
          <RotateCw aria-hidden className="size-4" />
          <span className="tabular-nums">{idle && wait > 0 ? formatClock(wait) : text.instance.retry}</span>
        </>
      ) : (
        <>
          <Play aria-hidden className="size-4" /> {text.instance.start}
        </>
      )}
    </Button>
  );
}

type ExtendProps = { name: string; instance: Instance; action: ReturnType<typeof useExtend> };

function ExtendButton({ name, instance, action }: ExtendProps) {
  const { step, left, from, allowed } = instance.extend;
  const now = useServerNow();
  if (step <= 0) return null;
  // The server's word is from its last snapshot; the moment from which extending is possible may have passed since.
  const due = from !== null && left > 0 && Date.parse(from) <= now;
  const idle = action.isPending || !(allowed || due);
  const time = formatSpan(Math.min(step, left > 0 ? left : step));
  return (
    <Button
      aria-label={text.instance.extendOf(name, time)}
      aria-disabled={idle || undefined}
      onClick={() => !idle && action.mutate(instance.id)}
      className="px-3"
    >
      <TimerReset aria-hidden className="size-4" /> {text.instance.extend(time)}
    </Button>
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
