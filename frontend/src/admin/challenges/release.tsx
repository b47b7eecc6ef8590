import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import type { AdminChallenge } from "@/api/admin";
import { api, unwrap } from "@/api/client";
import { Field, Input } from "@/components/ui/field";
import { formatMoment } from "@/lib/format";
import { useAction } from "../kit/action";
import { Button } from "../kit/takes";
import { text } from "../text";
import { challengesKey, receiveChallenge } from "./queries";

/** A moment as the browser's own field has it, in the viewer's time zone. */
export function localOf(moment: string | null): string {
  if (!moment) return "";
  const at = new Date(moment);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** When a challenge opens for players by itself. */
export function Release({ challenge }: { challenge: AdminChallenge }) {
  const [local, setLocal] = useState(localOf(challenge.opens_set));
  const client = useQueryClient();
  const at = local === "" ? null : new Date(local);
  const wrong = at !== null && Number.isNaN(at.getTime());
  const save = useAction<void>({
    act: async () =>
      receiveChallenge(
        client,
        await unwrap(
          api.PUT("/admin/api/challenges/{id}/release", {
            params: { path: { id: challenge.id } },
            body: { opens_at: at ? at.toISOString() : null },
          }),
        ),
      ),
    done: () => text.release.saved,
    failed: text.release.failed,
    renews: [challengesKey],
  });
  return (
    <form
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        if (!wrong && !save.isPending) save.mutate();
      }}
      className="flex max-w-xl flex-col gap-4 rounded-xl border border-line bg-card p-4"
    >
      <Field
        label={text.release.label}
        hint={challenge.opens_at ? text.release.now(formatMoment(challenge.opens_at)) : text.release.none}
      >
        {(ids) => (
          <Input {...ids} type="datetime-local" value={local} onChange={({ target }) => setLocal(target.value)} />
        )}
      </Field>
      <p className="text-ink-soft text-sm">{text.release.explain}</p>
      <div>
        <Button
          takes="operator"
          look="primary"
          type="submit"
          disabled={wrong}
          aria-disabled={save.isPending || undefined}
        >
          {text.release.save}
        </Button>
      </div>
    </form>
  );
}
