import { Square, X } from "lucide-react";
import type { Instance } from "@/api/types";
import { Button } from "@/components/ui/button";
import { useServerNow } from "@/lib/clock";
import { text } from "@/lib/text";
import { formatClock } from "@/lib/time";
import { secondsLeft } from "./urgency";

type Props = {
  name: string;
  /** What runs already. */
  others: Instance[];
  pending: boolean;
  onStop: (other: Instance) => void;
  onDismiss: () => void;
};

/** All of the player's instances are in use: which, and to stop one for this. */
export function InUse({ name, others, pending, onStop, onDismiss }: Props) {
  return (
    <div role="alert" className="flex flex-col gap-1 rounded-lg border border-line-strong bg-raised/50 p-2 text-sm">
      <div className="flex items-start gap-2 pl-1">
        <p className="min-w-0 flex-1 self-center">{text.quota.inUse(others.length)}</p>
        <Button look="ghost" size="icon" aria-label={text.problem.close} className="-my-1" onClick={onDismiss}>
          <X aria-hidden className="size-4" />
        </Button>
      </div>
      <ul>
        {others.map((other) => (
          <li key={other.id} className="flex items-center gap-2 pl-1">
            <span className="min-w-0 flex-1 truncate font-semibold">{other.challenge_name}</span>
            <Left instance={other} />
            <Button
              look="ghost"
              aria-label={text.quota.stopFor(other.challenge_name, name)}
              aria-disabled={pending || undefined}
              onClick={() => !pending && onStop(other)}
              className="px-2"
            >
              <Square aria-hidden className="size-3.5 fill-current" /> {text.quota.stopAndStart}
            </Button>
          </li>
        ))}
      </ul>
    </div>
  );
}

function Left({ instance }: { instance: Instance }) {
  const now = useServerNow();
  if (instance.state !== "running") return <span className="text-ink-soft">{text.state[instance.state]}</span>;
  return <span className="text-ink-soft tabular-nums">{formatClock(secondsLeft(instance, now))}</span>;
}
