import type { AdminChallenge } from "@/api/admin";
import { Badge } from "@/components/ui/badge";
import { serverNow } from "@/lib/clock";
import { formatMoment } from "@/lib/format";
import { text } from "../text";

/** How a challenge is doing, in a word or two: whether players may start it, and with what. */
export function ChallengeState({ challenge }: { challenge: AdminChallenge }) {
  if (!challenge.loaded) return <Badge tone="bad">{text.challenges.broken}</Badge>;
  const { active, images, unbuilt, current, opens_at } = challenge;
  return (
    <span className="flex flex-wrap items-center gap-1.5">
      {active && opens_at && Date.parse(opens_at) > serverNow() ? (
        <Badge tone="accent">{text.release.waits(formatMoment(opens_at).slice(0, 16))}</Badge>
      ) : active ? (
        <Badge tone="good">{text.challenges.open}</Badge>
      ) : (
        <Badge tone="neutral">{text.challenges.closed}</Badge>
      )}
      {images === "failed" && <Badge tone="bad">{text.challenges.imagesFailed}</Badge>}
      {(images === "queued" || images === "building") && (
        <Badge tone="busy" pulse>
          {text.challenges.imagesBuilding}
        </Badge>
      )}
      {unbuilt !== "" ? (
        <Badge tone="bad">{text.challenges.unbuilt}</Badge>
      ) : (
        !current && <Badge tone="busy">{text.challenges.outdated}</Badge>
      )}
    </span>
  );
}
