import type { Instance } from "@/api/types";
import { useServerNow } from "@/lib/clock";
import { text } from "@/lib/text";
import { formatClock, formatSpan, isoDuration } from "@/lib/time";
import { extensionOf } from "./extension";
import { phaseOf } from "./phase";
import type { Retry } from "./retry";

type Props = {
  instance: Instance | null;
  /** A start is on its way to the server. */
  pending: boolean;
  timeout: number;
  /** The last start came to nothing: when to try again, and in how many seconds that is. */
  retry: Retry & { wait: number };
};

/** The two lines left of the buttons: what is going on, and how long it takes or lasts. */
export function Status({ instance, pending, timeout, retry }: Props) {
  const phase = phaseOf(instance);
  if (pending && (phase === "asleep" || phase === "failed")) return <Lines first={text.instance.starting} />;
  const again =
    retry.seconds === 0
      ? undefined
      : retry.wait > 0
        ? text.instance.retryIn(formatClock(retry.wait))
        : text.instance.retryNow;
  if (!instance || phase === "asleep") return <Lines first={text.instance.lasts(formatSpan(timeout))} second={again} />;
  switch (phase) {
    case "queued":
    case "starting":
      return <Underway instance={instance} />;
    case "running":
      return <Remaining instance={instance} />;
    case "stopping":
      return <Lines first={text.instance.stopping} />;
    default:
      return <Lines first={text.instance.failed} second={again} />;
  }
}

function Lines({ first, second }: { first: string; second?: string | undefined }) {
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
  const stage = instance.stage || (queued ? text.instance.queuedStage : text.instance.startingStage);
  return (
    <Lines
      first={queued && instance.position > 0 ? text.instance.position(instance.position, instance.estimate_ms) : stage}
      second={text.instance.elapsed(formatClock(seconds))}
    />
  );
}

function Remaining({ instance }: { instance: Instance }) {
  const now = useServerNow();
  if (!instance.expires_at) return null;
  const left = (Date.parse(instance.expires_at) - now) / 1000;
  return (
    <>
      <p className="flex items-baseline gap-1.5">
        {left > 0 ? (
          <>
            <time dateTime={isoDuration(left)} className="font-mono text-lg tabular-nums leading-6">
              {formatClock(left)}
            </time>
            <span className="text-ink-soft text-sm">{text.instance.left}</span>
          </>
        ) : (
          <span className="text-ink-soft text-sm">{text.instance.over}</span>
        )}
      </p>
      <p className="text-ink-soft text-xs tabular-nums">{extendRule(instance, now)}</p>
    </>
  );
}

/** The rule of extending in words, as it applies now. */
function extendRule({ extend }: Instance, now: number): string {
  const { step, left, allowed, wait } = extensionOf(extend, now);
  if (step <= 0) return text.instance.extendUsed;
  return allowed ? text.instance.extendRule(formatSpan(left)) : text.instance.extendIn(formatClock(wait));
}
