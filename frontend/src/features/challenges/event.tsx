import { CalendarClock, CalendarX2, CirclePause } from "lucide-react";
import type { ScoreboardEvent } from "@/api/types";
import { EmptyState } from "@/components/ui/empty-state";
import { useServerNow } from "@/lib/clock";
import { text } from "@/lib/text";
import { formatClock, isoDuration } from "@/lib/time";

const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "short" });

/** When the scoreboard's event is not on: instead of the list, before it begins and after its end. */
export function EventClosed({ event }: { event: ScoreboardEvent }) {
  const now = useServerNow();
  const begins = event.begins_at ? Date.parse(event.begins_at) : 0;
  if (now < begins) {
    const left = (begins - now) / 1000;
    return (
      <EmptyState icon={CalendarClock} title={text.event.notBegun}>
        <p>
          <time
            dateTime={isoDuration(left)}
            className="my-2 block font-mono font-semibold text-3xl text-ink tabular-nums"
          >
            {formatClock(left)}
          </time>
          {text.event.begins(moment.format(begins))}
        </p>
      </EmptyState>
    );
  }
  return (
    <EmptyState icon={CalendarX2} title={text.event.over}>
      <p>{text.event.ended(moment.format(event.ends_at ? Date.parse(event.ends_at) : now))}</p>
    </EmptyState>
  );
}

/** Whether nothing is listed because the event has not begun, or is over. */
export function isClosed(event: ScoreboardEvent, now: number): boolean {
  return (
    (event.begins_at !== null && now < Date.parse(event.begins_at)) ||
    (event.ends_at !== null && now >= Date.parse(event.ends_at))
  );
}

/** Above the list while the organisers have paused the event. */
export function EventPaused() {
  return (
    <p role="status" className="mb-6 flex items-center gap-2 rounded-lg border border-line bg-card px-3 py-2 text-sm">
      <CirclePause aria-hidden className="size-4 shrink-0 text-accent" />
      {text.event.paused}
    </p>
  );
}
