import { useState } from "react";
import type { ReviewState, Suspicion, SuspicionParty } from "@/api/admin";
import { api, unwrap } from "@/api/client";
import { Dialog } from "@/components/ui/dialog";
import { Field, Textarea } from "@/components/ui/field";
import { formatMoment } from "@/lib/format";
import { useAction } from "../kit/action";
import { Button } from "../kit/takes";
import { text } from "../text";
import { flagsKey, reviews } from "./queries";
import { ReviewBadge } from "./review";

type Props = { entry: Suspicion; onClose: () => void };

/** An entry with all its evidence, and what an organiser makes of it. Nothing follows from it by itself. */
export function SuspicionDialog({ entry, onClose }: Props) {
  const [note, setNote] = useState(entry.note);
  const review = useAction<ReviewState>({
    act: async (state) => {
      await unwrap(
        api.PATCH("/admin/api/flags/suspicious/{id}", {
          params: { path: { id: entry.id } },
          body: { review: state, note },
        }),
      );
      onClose();
    },
    done: (_, state) => text.flags.reviewed[state],
    failed: text.flags.reviewFailed,
    renews: [flagsKey],
  });
  return (
    <Dialog
      open
      wide
      title={text.flags.entry(entry.submitter.owner.name, entry.challenge_id)}
      close={text.close}
      onClose={onClose}
    >
      <div className="flex flex-wrap items-center gap-3">
        <ReviewBadge review={entry.review} />
        <span className="text-sm">
          {text.flags.kinds[entry.kind]} · {text.flags.score} {entry.score}
        </span>
        {entry.reviewed_by !== "" && (
          <span className="text-ink-soft text-sm">
            {text.flags.by(entry.reviewed_by, formatMoment(entry.reviewed_at))}
          </span>
        )}
      </div>
      <section>
        <h3 className="mb-1 font-semibold text-sm">{text.flags.reasons}</h3>
        <ul className="list-disc pl-5 text-sm">
          {entry.reasons.map((reason) => (
            <li key={reason.code}>{reason.text}</li>
          ))}
        </ul>
      </section>
      <section>
        <h3 className="mb-1 font-semibold text-sm">{text.flags.sent}</h3>
        <ul className="flex flex-col divide-y divide-line border-line border-y">
          {entry.submissions.map((submission) => (
            <li key={submission.id} className="flex flex-wrap items-center gap-x-4 gap-y-1 py-2 text-sm">
              <span className="text-ink-soft tabular-nums">{formatMoment(submission.at)}</span>
              <span>{submission.type}</span>
              <code className="min-w-0 break-all text-[0.8125rem]">{submission.provided}</code>
              <span className="text-ink-soft">{text.flags.from(submission.address)}</span>
            </li>
          ))}
        </ul>
      </section>
      <div className="grid gap-4 md:grid-cols-2">
        <Party title={text.flags.submitter} party={entry.submitter} />
        {entry.flag_owner && <Party title={text.flags.flagOwner} party={entry.flag_owner} />}
      </div>
      <Field label={text.flags.note} hint={text.flags.noteHint}>
        {(ids) => <Textarea {...ids} value={note} maxLength={2000} onChange={(event) => setNote(event.target.value)} />}
      </Field>
      <div className="flex flex-wrap justify-end gap-2">
        {reviews.map((state) => (
          <Button
            takes="operator"
            key={state}
            look={state === "confirmed" ? "danger" : "secondary"}
            aria-disabled={review.isPending || undefined}
            onClick={() => !review.isPending && review.mutate(state)}
          >
            {text.flags.decide[state]}
          </Button>
        ))}
      </div>
    </Dialog>
  );
}

function Party({ title, party }: { title: string; party: SuspicionParty }) {
  return (
    <section className="min-w-0 rounded-lg border border-line p-3">
      <h3 className="font-semibold text-sm">{title}</h3>
      <p className="break-words">
        {party.owner.name} <code className="text-ink-soft text-xs">{party.owner.id}</code>
        {party.ctfd_user_name !== "" && <span className="text-ink-soft text-sm"> ({party.ctfd_user_name})</span>}
      </p>
      {party.instances.length === 0 ? (
        <p className="mt-2 text-ink-soft text-sm">{text.flags.noInstance}</p>
      ) : (
        <ul className="mt-2 flex flex-col gap-2">
          {party.instances.map((instance) => (
            <li key={instance.id} className="text-sm">
              <code className="break-all text-xs">{instance.id}</code>
              <span className="block text-ink-soft text-xs tabular-nums">
                {text.state[instance.state]}
                {" · "}
                {text.flags.life(
                  formatMoment(instance.created_at),
                  formatMoment(instance.started_at),
                  formatMoment(instance.contact_at),
                  formatMoment(instance.ended_at),
                )}
              </span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
