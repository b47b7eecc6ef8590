import { useMutation, useQueryClient } from "@tanstack/react-query";
import { asProblem } from "@/api/client";
import { toast } from "@/components/ui/toast";
import { text } from "../text";

type Action<A, R> = {
  act: (argument: A) => Promise<R>;
  /** What to say when it is done; empty: what is on the page says it. */
  done?: (result: R, argument: A) => string;
  /** What to say when it is not. */
  failed: string;
  /** Which answers are out of date afterwards, by the first words of their keys. */
  renews: readonly (readonly unknown[])[];
};

/** Something an organiser does; its outcome is told in a toast. */
export function useAction<A = void, R = unknown>({ act, done, failed, renews }: Action<A, R>) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: act,
    onSuccess: (result, argument) => {
      const said = done?.(result, argument);
      if (said) toast.done(said);
    },
    onError: (cause) => {
      const { detail, requestId } = asProblem(cause);
      toast.failed(failed, requestId ? `${detail} ${text.error.request(requestId)}` : detail);
    },
    onSettled: () => Promise.all(renews.map((queryKey) => client.invalidateQueries({ queryKey }))),
  });
}
