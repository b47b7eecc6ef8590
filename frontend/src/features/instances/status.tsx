import type { Instance } from "@/api/types";
import { useServerNow } from "@/lib/clock";
import { text } from "@/lib/text";
import { formatClock, formatSpan, isoDuration } from "@/lib/time";
import { phaseOf } from "./phase";

type Props = { instance: Instance | null; pending: boolean; timeout: number };

/** The two lines left of the buttons: what is going on, and how long it takes or lasts. */
export function Status({ instance, pending, timeout }: Props) {
  const phase = phaseOf(instance);
  if (pending && (phase === "asleep" || phase === "failed")) return <Lines first={text.instance.starting} />;
  if (!instance || phase === "asleep") return <Lines first={text.instance.lasts(formatSpan(timeout))} />;
  switch (phase) {
    case "queued":
    case "starting":
      return <Underway instance={instance} />;
    case "running":
      return <Remaining instance={instance} />;
    case "stopping":
      return <Lines first={text.instance.stopping} />;
    default:
      return <Lines first={text.instance.failed} />;
  }
}

function Lines({ first, second }: { first: string; second?: string }) {
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
      first={queued && instance.position > 0 ? text.instance.position(instance.position) : stage}
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
      <ExtendHint instance={instance} now={now} />
    </>
  );
}

/** Why there is no pressing of Extend, while there is none. */
function ExtendHint({ instance: { extend }, now }: { instance: Instance; now: number }) {
  if (extend.allowed || extend.step <= 0) return null;
  const wait = extend.from ? (Date.parse(extend.from) - now) / 1000 : 0;
  if (extend.left > 0 && wait <= 0) return null;
  return (
    <p className="text-ink-soft text-xs tabular-nums">
      {extend.left > 0 ? text.instance.extendIn(formatClock(wait)) : text.instance.extendUsed}
    </p>
  );
}
