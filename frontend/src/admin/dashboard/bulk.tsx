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

/** What can be done with many at once. */
export type Verb = "stop" | "restart" | "extend";

type Props = {
  verb: Verb;
  filters: Filters;
  /** Only these; none: all that the filters select. */
  ids: string[];
  onDone: () => void;
  onClose: () => void;
};

/** Says with how many instances something would be done, and does it once that has been confirmed. */
export function Bulk({ verb, filters, ids, onDone, onClose }: Props) {
  const words = text.bulk[verb];
  const client = useQueryClient();
  const [typed, setTyped] = useState("");
  const selection = selecting(filters);
  const ask = (token: string) =>
    unwrap(api.POST(`/admin/api/instances/${verb}`, { params: { query: selection }, body: { ids, token } }));
  // A question, although it is a POST: it does nothing and is asked anew each time.
  const preview = useQuery({
    queryKey: [...instancesKey, verb, selection, ids],
    queryFn: () => ask(""),
    gcTime: 0,
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
  const confirm = useMutation({
    mutationFn: (token: string) => ask(token),
    onSuccess: ({ stopping, refused }) => {
      if (refused > 0) toast.failed(text.bulk.refused(refused), text.bulk.refusedWhy);
      if (stopping > 0) toast.done(words.done(stopping));
      onDone();
      onClose();
      return client.invalidateQueries({ queryKey: instancesKey });
    },
  });

  return (
    <Dialog open title={ids.length > 0 ? words.picked(ids.length) : words.all} close={text.close} onClose={onClose}>
      <Loaded query={preview} className="h-24">
        {({ matching, by_state, token }) =>
          matching === 0 ? (
            <p>{text.bulk.nothing}</p>
          ) : (
            <form
              className="flex flex-col gap-4"
              onSubmit={(event) => {
                event.preventDefault();
                if (typed.trim() === String(matching) && !confirm.isPending) confirm.mutate(token);
              }}
            >
              <p className="text-ink-soft">{words.explain(matching)}</p>
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
                <Button
                  look={verb === "extend" ? "primary" : "danger"}
                  type="submit"
                  disabled={typed.trim() !== String(matching) || confirm.isPending}
                >
                  {words.many(matching)}
                </Button>
              </div>
            </form>
          )
        }
      </Loaded>
    </Dialog>
  );
}
