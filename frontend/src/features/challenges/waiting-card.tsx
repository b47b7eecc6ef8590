import { CalendarClock } from "lucide-react";
import { useId } from "react";
import type { Challenge } from "@/api/types";
import { Card } from "@/components/ui/card";
import { useServerNow } from "@/lib/clock";
import { text } from "@/lib/text";
import { formatClock, isoDuration } from "@/lib/time";

/** A challenge that opens later: its name, and how long that is. */
export function WaitingCard({ challenge, opens }: { challenge: Challenge; opens: number }) {
  const id = useId();
  const left = (opens - useServerNow()) / 1000;
  return (
    <Card aria-labelledby={id} tabIndex={-1} className="rounded-lg border-dashed">
      <div className="flex min-h-11 items-center gap-2 px-3 py-1">
        <CalendarClock aria-hidden className="size-4 shrink-0 text-ink-soft" />
        <h3 id={id} className="min-w-0 flex-1 truncate font-semibold">
          {challenge.name}
        </h3>
        <p className="text-ink-soft text-xs tabular-nums">
          {text.challenges.opensIn}{" "}
          <time dateTime={isoDuration(left)} title={new Date(opens).toLocaleString()} className="font-mono text-sm">
            {formatClock(left)}
          </time>
        </p>
      </div>
    </Card>
  );
}
