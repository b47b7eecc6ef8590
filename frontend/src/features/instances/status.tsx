import type { Instance } from "@/api/types";
import { useServerNow } from "@/lib/clock";
import { cn } from "@/lib/cn";
import { stageOf } from "@/lib/problems";
import { text } from "@/lib/text";
import { formatClock, formatHour, formatSpan, isoDuration } from "@/lib/time";
import { extensionOf } from "./extension";
import { phaseOf } from "./phase";
import type { Retry } from "./retry";
import { secondsLeft, urgencyInk, urgencyOf } from "./urgency";

type Props = {
  instance: Instance | null;
  /** A start is on its way to the server. */
  pending: boolean;
  timeout: number;
  /** The last start came to nothing: when to try again, and in how many seconds that is. */
  retry: Retry & { wait: number };
  /** Nothing is started at the moment. */
  paused: boolean;
  /** The organisers have closed the challenge. */
  closed: boolean;
  /** When the time of the copy before was up, Unix milliseconds. */
  ended: number | undefined;
};

/** The two lines left of the buttons: what is going on, and how long it takes or lasts. */
export function Status({ instance, pending, timeout, retry, paused, closed, ended }: Props) {
  const phase = phaseOf(instance);
  if (pending && (phase === "asleep" || phase === "failed")) return <Lines first={text.instance.starting} />;
  const again =
    retry.seconds === 0
      ? undefined
      : retry.wait > 0
        ? text.instance.retryIn(formatClock(retry.wait))
        : text.instance.retryNow;
  if (!instance || phase === "asleep") {
    const first = ended ? text.instance.wasUp(formatHour(ended)) : text.instance.lasts(formatSpan(timeout));
    return (
      <Lines first={first} second={again ?? (paused ? text.instance.paused : ended && text.instance.startAgain)} />
    );
  }
  switch (phase) {
    case "queued":
    case "starting":
      return <Underway instance={instance} />;
    case "running":
      return <Remaining instance={instance} closed={closed} />;
    case "sleeping":
      return <Asleep instance={instance} />;
    case "stopping":
      return <Lines first={text.instance.stopping} />;
    default:
      return <Lines first={text.instance.failed} second={again} />;
  }
}

function Lines({ first, second }: { first: string; second?: string | undefined | 0 | false }) {
  return (
    <>
      <p className="break-words text-ink-soft text-sm">{first}</p>
      {second && <p className="text-ink-soft text-xs tabular-nums">{second}</p>}
    </>
  );
}

function Underway({ instance }: { instance: Instance }) {
  const now = useServerNow();
  const seconds = Math.floor((now - Date.parse(instance.created_at)) / 1000);
  const queued = instance.state === "queued";
  const stage = stageOf(instance.stage) || (queued ? text.instance.queuedStage : text.instance.startingStage);
  return (
    <Lines
      first={queued && instance.position > 0 ? text.instance.position(instance.position, instance.estimate_ms) : stage}
      second={instance.started_at ? undefined : text.instance.elapsed(formatClock(seconds))} // what is woken was asked for long ago
    />
  );
}

/** What sleeps is as near as what runs, and its time runs on. */
function Asleep({ instance }: { instance: Instance }) {
  const left = secondsLeft(instance, useServerNow());
  return <Lines first={text.instance.asleep} second={left > 0 && `${formatClock(left)} ${text.instance.left}`} />;
}

/** One clock, and a bar of how much of the time is left; below, what else is to be known, which does not tick. */
function Remaining({ instance, closed }: { instance: Instance; closed: boolean }) {
  const now = useServerNow();
  if (!instance.expires_at) return null;
  const left = secondsLeft(instance, now);
  const begun = Date.parse(instance.started_at ?? instance.created_at);
  const whole = Math.max(1, (Date.parse(instance.expires_at) - begun) / 1000);
  const ink = urgencyInk[urgencyOf(left)];
  return (
    <>
      <p className="flex items-baseline gap-1.5">
        {left > 0 ? (
          <>
            <time dateTime={isoDuration(left)} className={cn("font-mono text-lg tabular-nums leading-6", ink)}>
              {formatClock(left)}
            </time>
            <span className="text-ink-soft text-sm">{text.instance.left}</span>
          </>
        ) : (
          <span className="text-ink-soft text-sm">{text.instance.over}</span>
        )}
      </p>
      <div aria-hidden className={cn("my-0.5 h-0.5 max-w-40 rounded-full bg-raised", ink || "text-good")}>
        <div className="h-full rounded-full bg-current" style={{ width: `${Math.min(100, (100 * left) / whole)}%` }} />
      </div>
      <p className="text-ink-soft text-xs tabular-nums">
        {closed ? text.instance.closed(formatHour(Date.parse(instance.expires_at))) : extendRule(instance, now)}
      </p>
    </>
  );
}

/** The rule of extending in words, as it applies now. */
function extendRule({ extend }: Instance, now: number): string {
  const { step, left, allowed, wait } = extensionOf(extend, now);
  if (step <= 0) return text.instance.extendUsed;
  return allowed ? text.instance.extendRule(formatSpan(left)) : text.instance.extendFrom(formatHour(now + wait * 1000));
}
