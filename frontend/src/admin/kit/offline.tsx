import { useQueryClient } from "@tanstack/react-query";
import { WifiOff } from "lucide-react";
import { useEffect, useState } from "react";
import { asProblem } from "@/api/client";
import { text } from "../text";

/** Since when Whaley has not answered, Unix milliseconds: the time of the last answer before; undefined: it answers. */
export function useOffline(): number | undefined {
  const client = useQueryClient();
  const [since, setSince] = useState<number>();

  useEffect(() => {
    let answered = Date.now();
    return client.getQueryCache().subscribe((event) => {
      if (event.type !== "updated") return;
      if (event.action.type === "success") {
        answered = Date.now();
        setSince(undefined);
      } else if (event.action.type === "failed" || event.action.type === "error") {
        const { status } = asProblem(event.action.error);
        if (status === 0 || status >= 502) setSince((old) => old ?? answered);
      }
    });
  }, [client]);

  return since;
}

/** Says that what the panel shows is old. It lies over the bottom of the page, so that nothing moves. */
export function OfflineBar({ since }: { since: number | undefined }) {
  return (
    <div role="status" className="pointer-events-none fixed inset-x-0 bottom-0 z-10 flex p-3">
      {since !== undefined && (
        <p className="pointer-events-auto mx-auto flex w-fit max-w-3xl items-start gap-3 rounded-lg border border-bad/40 bg-bad-ground px-4 py-3 text-sm shadow-lg">
          <WifiOff aria-hidden className="mt-0.5 size-4 shrink-0 text-bad" />
          {text.live.offlineBar(new Date(since).toLocaleTimeString([], { hour12: false }))}
        </p>
      )}
    </div>
  );
}
