import type { AdminChallenge } from "@/api/admin";
import { Badge } from "@/components/ui/badge";
import { text } from "../text";

/** How a challenge is doing, in a word or two. */
export function ChallengeState({ challenge }: { challenge: AdminChallenge }) {
  if (!challenge.loaded) return <Badge tone="bad">{text.challenges.broken}</Badge>;
  return (
    <>
      {challenge.active ? (
        <Badge tone="good">{text.challenges.open}</Badge>
      ) : (
        <Badge tone="neutral">{text.challenges.closed}</Badge>
      )}
      {!challenge.current && <Badge tone="busy">{text.challenges.outdated}</Badge>}
    </>
  );
}
