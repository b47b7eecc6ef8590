import { Bell, BellOff, ExternalLink } from "lucide-react";
import { useId } from "react";
import type { Instance } from "@/api/types";
import { Button } from "@/components/ui/button";
import { CopyTextButton } from "@/components/ui/copy-button";
import { useServerNow } from "@/lib/clock";
import { cn } from "@/lib/cn";
import { text } from "@/lib/text";
import { formatClock, isoDuration } from "@/lib/time";
import type { Reminders } from "./reminders";
import { secondsLeft, urgencyInk, urgencyOf } from "./urgency";

type Props = {
  instances: Instance[];
  onShow: (challenge: string) => void;
  reminders: Reminders;
  onReminders: () => void;
};

/** What runs, above everything else: one way in and one clock each. */
export function RunningStrip({ instances, onShow, reminders, onReminders }: Props) {
  const id = useId();
  if (instances.length === 0) return null;
  return (
    <section aria-labelledby={id}>
      <div className="mb-2 flex flex-wrap items-center justify-between gap-x-4">
        <h2 id={id} className="font-display font-semibold text-xl">
          {text.running.title}
        </h2>
        {reminders !== "impossible" && (
          <Button look="ghost" className="-mr-3 px-3 font-normal" onClick={onReminders}>
            {reminders === "on" ? <BellOff aria-hidden className="size-4" /> : <Bell aria-hidden className="size-4" />}
            {reminders === "on" ? text.notices.off : text.notices.on}
          </Button>
        )}
      </div>
      <p role="status" className="mb-2 text-ink-soft text-sm empty:hidden">
        {reminders === "denied" ? text.notices.denied : ""}
      </p>
      <ul className="grid grid-cols-[minmax(0,1fr)] gap-2 md:grid-cols-2 xl:grid-cols-3 2xl:grid-cols-4">
        {instances.map((instance) => (
          <li
            key={instance.id}
            className="flex items-center gap-3 rounded-lg border border-line border-l-2 border-l-good bg-card py-1.5 pr-1.5 pl-3"
          >
            <button
              type="button"
              aria-label={text.running.show(instance.challenge_name)}
              onClick={() => onShow(instance.challenge_id)}
              className="min-h-10 min-w-0 flex-1 cursor-pointer truncate text-left font-semibold hover:underline"
            >
              {instance.challenge_name}
            </button>
            <Clock instance={instance} />
            <WayIn instance={instance} name={text.running.open(instance.challenge_name)} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Clock({ instance }: { instance: Instance }) {
  const left = secondsLeft(instance, useServerNow());
  return (
    <time dateTime={isoDuration(left)} className={cn("font-mono text-sm tabular-nums", urgencyInk[urgencyOf(left)])}>
      {formatClock(left)}
    </time>
  );
}

/** Its first web page. */
export function webOf({ routes }: Instance) {
  return routes.find(({ type, url }) => type === "http" && url !== "");
}

/** The one thing to do with a running copy: open its web page, or copy the line that connects. */
export function WayIn({ instance, name, primary }: { instance: Instance; name?: string; primary?: boolean }) {
  const route = webOf(instance);
  const look = primary ? "primary" : "secondary";
  if (route) {
    return (
      <Button asChild look={look} className="px-3">
        <a href={route.url} target="_blank" rel="noopener noreferrer" aria-label={name}>
          {text.running.open("")} <ExternalLink aria-hidden className="size-4" />
          {!name && <span className="sr-only">({text.challenges.newTab})</span>}
        </a>
      </Button>
    );
  }
  const line = instance.routes.find(({ hint }) => hint !== "")?.hint;
  if (!line) return null;
  return <CopyTextButton value={line} look={look} what={name ?? text.running.line(instance.challenge_name)} />;
}

/** What the tab's title begins with when an instance's end is near; empty: none is. */
export function titleOf(instances: Iterable<Instance>, now: number): string {
  let first: { left: number; name: string } | undefined;
  for (const instance of instances) {
    if (instance.state !== "running" || !instance.expires_at) continue;
    const left = secondsLeft(instance, now);
    if (left > 0 && urgencyOf(left) !== "calm" && (!first || left < first.left)) {
      first = { left, name: instance.challenge_name };
    }
  }
  return first ? `(${formatClock(first.left)}) ${first.name}` : "";
}
