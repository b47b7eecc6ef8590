import { useQuery } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";
import { Badge } from "@/components/ui/badge";
import { useAction } from "../kit/action";
import { Button } from "../kit/takes";
import { text } from "../text";
import { solversQuery } from "./queries";

const tones = { green: "good", red: "bad", unknown: "neutral" } as const;

/** What a challenge's own solver has shown last, and a way to have it run again. Nothing if it has none. */
export function Solver({ id }: { id: string }) {
  const all = useQuery(solversQuery);
  const solver = all.data?.find(({ challenge }) => challenge === id);
  const solve = useAction<void>({
    act: () => unwrap(api.POST("/admin/api/challenges/{id}/solver", { params: { path: { id } } })),
    done: () => text.challenges.solverAsked,
    failed: text.challenges.solverFailed,
    renews: [solversQuery.queryKey],
  });
  if (!solver) return null;
  const { last, running, current } = solver;
  return (
    <div className="rounded-xl border border-line p-4">
      <div className="flex flex-wrap items-center gap-3">
        <span className="font-semibold">{text.challenges.solver}</span>
        {running && (
          <Badge tone="busy" pulse>
            {text.challenges.solving}
          </Badge>
        )}
        {last && <Badge tone={tones[last.state]}>{text.challenges.solved[last.state]}</Badge>}
        {last && !current && <Badge tone="busy">{text.challenges.solvedBefore}</Badge>}
        <Button takes="operator" disabled={running || solve.isPending} onClick={() => solve.mutate()}>
          {text.challenges.solve}
        </Button>
      </div>
      {last?.reason && <p className="mt-2">{last.reason}</p>}
      {last?.output && (
        <details className="mt-2">
          <summary className="cursor-pointer">{text.challenges.solverPrinted}</summary>
          <pre className="overflow-x-auto font-mono text-sm">{last.output}</pre>
        </details>
      )}
    </div>
  );
}
