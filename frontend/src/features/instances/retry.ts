import { useMemo } from "react";
import { serverNow, useServerNow } from "@/lib/clock";

/** What is there to know of a refusal or a failure for trying again: the thing itself, and its `Retry-After`. */
export type Retry = { cause: object | undefined; seconds: number };

/** Seconds until trying again makes sense, counted from the moment at which the page learned of the cause. */
export function useRetryWait({ cause, seconds }: Retry): number {
  const now = useServerNow();
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new cause starts a new count, the ticks do not
  const due = useMemo(() => serverNow() + seconds * 1000, [cause, seconds]);
  return cause ? Math.min(seconds, Math.max(0, (due - now) / 1000)) : 0;
}
