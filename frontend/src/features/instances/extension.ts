import type { Instance } from "@/api/types";

/** What may be done about an instance's end at a moment of the server's time. */
export type Extension = {
  /** What the next extension adds, in seconds; 0: nothing. */
  step: number;
  /** What may still be added in all, in seconds. */
  left: number;
  allowed: boolean;
  /** Seconds until it is allowed. */
  wait: number;
};

/**
 * Brings the server's word on extending to the present: it is from the last snapshot, and the moment from which
 * extending is possible may have passed since.
 */
export function extensionOf({ step, left, from, allowed }: Instance["extend"], now: number): Extension {
  const wait = from === null ? 0 : Math.max(0, (Date.parse(from) - now) / 1000);
  const possible = step > 0 && left > 0;
  return {
    step: Math.min(step, left),
    left,
    allowed: possible && (allowed || (from !== null && wait === 0)),
    wait,
  };
}
