import { Filter } from "lucide-react";
import type { AdminEvent } from "@/api/admin";
import { Button } from "@/components/ui/button";
import { CopyButton } from "@/components/ui/copy-button";
import { Dialog } from "@/components/ui/dialog";
import { formatMoment } from "@/lib/format";
import type { Filters } from "../kit/filters";
import { TabLink } from "../kit/link";
import { text } from "../text";
import { EventType } from "./events";

type Props = { event: AdminEvent | undefined; onClose: () => void; onFilter: (change: Filters) => void };

/** All of an event, with a filter for each of its parts. */
export function EventDialog({ event, onClose, onFilter }: Props) {
  return (
    <Dialog open={event !== undefined} title={event ? formatMoment(event.at) : ""} close={text.close} onClose={onClose}>
      {event && (
        <>
          <div>
            <EventType type={event.type} level={event.level} />
          </div>
          <p className="whitespace-pre-wrap break-words">{event.message}</p>
          {event.instance && (
            <TabLink
              to="/"
              filters={{ show: event.instance }}
              className="w-fit text-accent text-sm underline underline-offset-4"
            >
              {text.logs.toInstance}
            </TabLink>
          )}
          <dl className="flex flex-col divide-y divide-line border-line border-y text-sm">
            {(["challenge", "owner", "player", "instance", "request"] as const).map((name) => (
              <div key={name} className="flex min-h-11 items-center gap-2">
                <dt className="w-24 shrink-0 text-ink-soft">{text.logs[name]}</dt>
                <dd className="min-w-0 flex-1 break-all font-mono text-[0.8125rem]">{event[name] || text.none}</dd>
                {event[name] && name !== "request" && (
                  <Button
                    look="ghost"
                    size="icon"
                    aria-label={text.logs.only(text.logs[name])}
                    title={text.logs.only(text.logs[name])}
                    onClick={() => onFilter({ [name]: event[name] })}
                  >
                    <Filter aria-hidden className="size-4" />
                  </Button>
                )}
                {event[name] && <CopyButton value={event[name]} what={text.logs[name]} />}
              </div>
            ))}
          </dl>
        </>
      )}
    </Dialog>
  );
}
