import type { Instance } from "@/api/types";
import type { Tone } from "@/components/ui/badge";

/** What a player sees of a challenge: the state of their instance, or that there is none. */
export type Phase = "asleep" | Exclude<Instance["state"], "stopped">;

/** What a player calls the state of their instance. */
export function phaseOf(instance: Instance | null): Phase {
  return !instance || instance.state === "stopped" ? "asleep" : instance.state;
}

/** Whether the player holds a copy, on its way or there. */
export function isLive(instance: Instance | null): boolean {
  const phase = phaseOf(instance);
  return phase !== "asleep" && phase !== "failed";
}

/** The colour in which a phase is shown. */
export const phaseTone: Record<Phase, Tone> = {
  asleep: "neutral",
  queued: "accent",
  starting: "busy",
  running: "good",
  sleeping: "neutral",
  stopping: "neutral",
  failed: "bad",
};
