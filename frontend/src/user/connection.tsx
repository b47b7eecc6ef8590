import { Megaphone, WifiOff } from "lucide-react";
import { Badge, type Tone } from "@/components/ui/badge";
import type { Live } from "@/features/instances/live";
import { text } from "@/lib/text";

/** Whether what the page shows is up to date. */
export function ConnectionBadge({ live }: { live: Live }) {
  const { tone, name, hint } = look(live);
  return (
    <span title={hint}>
      <Badge tone={tone} pulse={tone === "busy"}>
        {name}
      </Badge>
    </span>
  );
}

function look({ link, instances }: Live): { tone: Tone; name: string; hint: string } {
  if (link === "offline") return { tone: "bad", name: text.link.offline, hint: text.link.offlineHint };
  if (link === "live") return { tone: "good", name: text.link.live, hint: text.link.liveHint };
  if (!instances) return { tone: "neutral", name: text.link.connecting, hint: text.link.connectingHint };
  return { tone: "busy", name: text.link.polling, hint: text.link.pollingHint };
}

/** What the organisers want all to know, above everything; it covers nothing. */
export function NoticeBar({ notice }: { notice: string }) {
  return (
    <div role="status">
      {notice !== "" && (
        <p className="mb-6 flex items-start gap-3 rounded-lg border border-busy/40 bg-busy-ground px-4 py-3 text-sm">
          <Megaphone aria-hidden className="mt-0.5 size-4 shrink-0 text-busy" />
          <span className="min-w-0 break-words">{notice}</span>
        </p>
      )}
    </div>
  );
}

/** Says that nothing new arrives. It lies over the bottom of the page, so that nothing moves when it comes or goes. */
export function BottomBar({ live }: { live: Live }) {
  const offline = live.link === "offline" && live.instances !== undefined;
  return (
    <div role="status" className="pointer-events-none fixed inset-x-0 bottom-0 z-10 flex flex-col gap-2 p-3">
      {offline && (
        <p className="pointer-events-auto mx-auto flex w-fit max-w-3xl items-start gap-3 rounded-lg border border-bad/40 bg-bad-ground px-4 py-3 text-sm shadow-lg">
          <WifiOff aria-hidden className="mt-0.5 size-4 shrink-0 text-bad" />
          {text.link.offlineBar(new Date(live.updatedAt).toLocaleTimeString([], { hour12: false }))}
        </p>
      )}
    </div>
  );
}
