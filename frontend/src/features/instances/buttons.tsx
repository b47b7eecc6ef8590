import { Play, RefreshCcw, RotateCw, Square, TimerReset } from "lucide-react";
import type { Instance } from "@/api/types";
import { Button } from "@/components/ui/button";
import { useServerNow } from "@/lib/clock";
import { text } from "@/lib/text";
import { formatClock, formatSpan } from "@/lib/time";
import { extensionOf } from "./extension";
import type { Phase } from "./phase";
import type { useExtend } from "./queries";

type MainProps = {
  name: string;
  phase: Phase;
  /** An action of the player is on its way to the server. */
  pending: boolean;
  /** The last start was refused or failed. */
  again: boolean;
  /** Seconds until a start makes sense. */
  wait: number;
  /** Why nothing is started at the moment; empty: it is. */
  paused: string;
  onStart: () => void;
  onStop: () => void;
};

/**
 * Start, Stop or Retry. In a narrow card Stop is its sign alone, so that all buttons fit in one line in every language.
 * It is one and the same button all the time, and never `disabled`, so that whoever pressed it by
 * keyboard keeps the focus while its meaning changes. Start is what one wants most; Stop steps back behind the way in.
 */
export function MainButton({ name, phase, pending, again, wait, paused, onStart, onStop }: MainProps) {
  const live = phase !== "asleep" && phase !== "failed";
  const idle = pending || phase === "stopping" || (!live && (wait > 0 || paused !== ""));
  const act = live ? onStop : onStart;
  const label = live ? text.instance.stopOf : again ? text.instance.retryOf : text.instance.startOf;
  return (
    <Button
      look={live ? "ghost" : "primary"}
      aria-label={label(name)}
      aria-disabled={idle || undefined}
      title={live ? text.instance.stop : paused || undefined}
      onClick={() => !idle && act()}
      className={live ? "px-3" : "min-w-24"}
    >
      {live ? (
        <>
          <Square aria-hidden className="size-3.5 fill-current" />{" "}
          <span className="@max-[24rem]:hidden">{text.instance.stop}</span>
        </>
      ) : again ? (
        <>
          <RotateCw aria-hidden className="size-4" />
          <span className="tabular-nums">{wait > 0 ? formatClock(wait) : text.instance.retry}</span>
        </>
      ) : (
        <>
          <Play aria-hidden className="size-4" /> {text.instance.start}
        </>
      )}
    </Button>
  );
}

type RestartProps = { name: string; pending: boolean; onRestart: () => void };

/** A new copy in the place of the one that runs, in one click. */
export function RestartButton({ name, pending, onRestart }: RestartProps) {
  return (
    <Button
      look="ghost"
      size="icon"
      aria-label={text.instance.restartOf(name)}
      title={text.instance.restart}
      aria-disabled={pending || undefined}
      onClick={() => !pending && onRestart()}
    >
      <RefreshCcw aria-hidden className="size-4" />
    </Button>
  );
}

type WakeProps = { name: string; pending: boolean; onWake: () => void };

/** Wakes a copy that sleeps, where opening its address cannot. */
export function WakeButton({ name, pending, onWake }: WakeProps) {
  return (
    <Button
      look="primary"
      aria-label={text.instance.wakeOf(name)}
      aria-disabled={pending || undefined}
      onClick={() => !pending && onWake()}
      className="px-3"
    >
      <Play aria-hidden className="size-4" /> {text.instance.wake}
    </Button>
  );
}

type ExtendProps = { name: string; instance: Instance; action: ReturnType<typeof useExtend> };

/** Adds a step to the instance's time; not there when the challenge allows none. */
export function ExtendButton({ name, instance, action }: ExtendProps) {
  const { step, allowed } = extensionOf(instance.extend, useServerNow());
  if (step <= 0) return null;
  const idle = action.isPending || !allowed;
  const time = formatSpan(step);
  return (
    <Button
      look="ghost"
      aria-label={text.instance.extendOf(name, time)}
      aria-disabled={idle || undefined}
      onClick={() => !idle && action.mutate(instance.id)}
      className="px-3"
    >
      <TimerReset aria-hidden className="@max-[20rem]:hidden size-4" /> {text.instance.extend(time)}
    </Button>
  );
}
