import { useEffect, useRef, useState } from "react";
import type { Instance } from "@/api/types";
import { serverNow } from "@/lib/clock";
import { isLive } from "./phase";

const slack = 3_000; // milliseconds; the server takes an instance down a moment before or after its end

const isTimed = (state: Instance["state"] | undefined) => state === "running" || state === "sleeping";

/** When the time of a player's copy was up, by challenge, Unix milliseconds: of those that this page has seen end so. */
export function useEnded(instances: Map<string, Instance> | undefined): ReadonlyMap<string, number> {
  const ends = useRef(new Map<string, number>()); // of copies that run or sleep
  const [ended, setEnded] = useState<ReadonlyMap<string, number>>(new Map());

  useEffect(() => {
    if (!instances) return;
    const now = serverNow();
    const over = new Map<string, number>();
    for (const [challenge, end] of ends.current) {
      const instance = instances.get(challenge) ?? null;
      if (isTimed(instance?.state)) continue;
      if (end <= now + slack) over.set(challenge, end);
      ends.current.delete(challenge);
    }
    for (const [challenge, { state, expires_at }] of instances) {
      if (isTimed(state) && expires_at) ends.current.set(challenge, Date.parse(expires_at));
    }
    setEnded((old) => {
      const again = [...old.keys()].filter((challenge) => {
        const instance = instances.get(challenge) ?? null;
        return isLive(instance) && instance?.state !== "stopping";
      });
      if (over.size === 0 && again.length === 0) return old;
      const next = new Map([...old, ...over]);
      for (const challenge of again) next.delete(challenge);
      return next;
    });
  }, [instances]);

  return ended;
}
