/** How near an instance's end is: from 5 minutes on it is to be noticed, from 1 minute on there is no time to lose. */
export type Urgency = "calm" | "soon" | "now";

/** The urgency of some seconds that are left. */
export function urgencyOf(seconds: number): Urgency {
  if (seconds <= 60) return "now";
  return seconds <= 300 ? "soon" : "calm";
}

/** The colour of a countdown. */
export const urgencyInk: Record<Urgency, string> = { calm: "", soon: "text-busy", now: "text-bad" };

/**
 * The seconds that an instance has left. A server that is a moment ahead of its last answer, and rounding, give no
 * instance more than its whole time.
 */
export function secondsLeft(instance: { started_at: string | null; expires_at: string | null }, now: number): number {
  if (!instance.expires_at) return 0;
  const end = Date.parse(instance.expires_at);
  const whole = instance.started_at
    ? Math.floor((end - Date.parse(instance.started_at)) / 1000)
    : Number.POSITIVE_INFINITY;
  return Math.max(0, Math.min((end - now) / 1000, whole));
}
