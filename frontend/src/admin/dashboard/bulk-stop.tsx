import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, unwrap } from "@/api/client";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Field, Input } from "@/components/ui/field";
import { Notice } from "@/components/ui/notice";
import { toast } from "@/components/ui/toast";
import type { Filters } from "../kit/filters";
import { Loaded, ProblemText } from "../kit/loaded";
import { text } from "../text";
import { instancesKey, selecting } from "./queries";

type Props = {
  filters: Filters;
  /** Only these; none: all that the filters select. */
  ids: string[];
  onDone: () => void;
  onClose: () => void;
};

/** Says how many instances would be stopped, and stops them once that has been confirmed. */
export function BulkStop({ filters, ids, onDone, onClose }: Props) {
  const client = useQueryClient();
  const [typed, setTyped] = useState("");
  const selection = selecting(filters);
  const stop = (token: string) =>
    unwrap(api.POST("/admin/api/instances/stop", { params: { query: selection }, body: { ids, token } }));
  // A question, although it is a POST: it stops nothing and is asked anew each time.
  const preview = useQuery({
    queryKey: [...instancesKey, "stop", selection, ids],
    queryFn: () => stop(""),
    gcTime: 0,
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
  const confirm = useMutation({
    mutationFn: (token: string) => stop(token),
    onSuccess: ({ stopping }) => {
      toast.done(text.dashboard.stoppingMany(stopping));
      onDone();
      onClose();
      return client.invalidateQueries({ queryKey: instancesKey });
    },
  });

  return (
    <Dialog
      open
      title={ids.length > 0 ? text.dashboard.stopPicked(ids.length) : text.dashboard.stopAll}
      close={text.close}
      onClose={onClose}
    >
      <Loaded query={preview} className="h-24">
        {({ matching, by_state, token }) =>
          matching === 0 ? (
            <p>{text.dashboard.nothingToStop}</p>
          ) : (
            <form
              className="flex flex-col gap-4"
              onSubmit={(event) => {
                event.preventDefault();
                if (typed.trim() === String(matching) && !confirm.isPending) confirm.mutate(token);
              }}
            >
              <p className="text-ink-soft">{text.dashboard.stopManyText(matching)}</p>
              <p className="text-sm tabular-nums">
                {Object.entries(by_state)
                  .filter(([, count]) => count > 0)
                  .map(([state, count]) => `${count} ${text.state[state as keyof typeof text.state] ?? state}`)
                  .join(" · ")}
              </p>
              <Field label={text.dashboard.typeCount(matching)}>
                {(ids) => (
                  <Input
                    {...ids}
                    autoFocus
                    inputMode="numeric"
                    value={typed}
                    onChange={(event) => setTyped(event.target.value)}
                  />
                )}
              </Field>
              {confirm.isError && (
                <Notice>
                  <ProblemText cause={confirm.error} />
                </Notice>
              )}
              <div className="flex flex-wrap justify-end gap-2">
                <Button onClick={onClose}>{text.confirm.cancel}</Button>
                <Button look="danger" type="submit" disabled={typed.trim() !== String(matching)}>
                  {text.dashboard.stopMany(matching)}
                </Button>
              </div>
            </form>
          )
        }
      </Loaded>
    </Dialog>
  );
}
