import type { Instance } from "@/api/types";
import { Badge } from "@/components/ui/badge";
import { text } from "@/lib/text";
import { phaseOf, phaseTone } from "./phase";

/** The state of the player's copy, in a word. */
export function StateBadge({ instance }: { instance: Instance | null }) {
  const phase = phaseOf(instance);
  return (
    <Badge tone={phaseTone[phase]} pulse={phase === "queued" || phase === "starting" || phase === "stopping"}>
      {text.state[phase]}
    </Badge>
  );
}
