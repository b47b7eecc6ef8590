import { useQuery, useQueryClient } from "@tanstack/react-query";
import { FlaskConical, Send, Trash2 } from "lucide-react";
import { useState } from "react";
import type { Draft, FileProblem, Trial } from "@/api/admin";
import { api, unwrap, unwrapEmpty } from "@/api/client";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { ConfirmDialog } from "@/components/ui/confirm-dialog";
import { formatMoment } from "@/lib/format";
import { useAction } from "../kit/action";
import { text } from "../text";
import { draftsKey, trialQuery } from "./draft-queries";
import { Problems } from "./problems";
import { PublishDialog } from "./publish-dialog";
import { Tried } from "./tried";

type Props = {
  draft: Draft;
  onOpen: (problem: FileProblem) => void;
  /** It was published, as the challenge of this id. */
  onPublished: (id: string) => void;
  onDiscarded: () => void;
};

/** How a draft stands, and what can be done with it: try, publish, discard. */
export function DraftBar({ draft, onOpen, onPublished, onDiscarded }: Props) {
  const client = useQueryClient();
  const [dialog, setDialog] = useState<"publish" | "discard">();
  const trial = useQuery(trialQuery(draft.id));
  const params = { path: { id: draft.id } };
  const attempt = useAction<void, Trial>({
    act: () => unwrap(api.POST("/admin/api/drafts/{id}/trial", { params })),
    done: (begun) => {
      client.setQueryData(trialQuery(draft.id).queryKey, begun);
      return "";
    },
    failed: text.drafts.tryFailed,
    renews: [trialQuery(draft.id).queryKey],
  });
  const discard = useAction<void, void>({
    act: () => unwrapEmpty(api.DELETE("/admin/api/drafts/{id}", { params })),
    done: () => {
      onDiscarded();
      return text.drafts.discarded(draft.name);
    },
    failed: text.drafts.discardFailed,
    renews: [draftsKey],
  });
  const live = trial.data && trial.data.state !== "failed" && trial.data.state !== "ended";
  const broken = draft.problems.length > 0;

  return (
    <section aria-label={text.drafts.draft} className="flex flex-col gap-3">
      <div className="flex flex-wrap items-center gap-3 rounded-xl border border-line bg-card p-4">
        {draft.begun && <Badge tone="accent">{text.drafts.draft}</Badge>}
        {draft.begun && draft.stale && <Badge tone="busy">{text.drafts.stale}</Badge>}
        <p className="min-w-0 flex-1 basis-64 text-ink-soft text-sm">
          {draft.begun && draft.at ? text.drafts.edited(draft.by, formatMoment(draft.at)) : text.drafts.hint}
        </p>
        <Button
          aria-disabled={attempt.isPending || live || broken || undefined}
          title={broken ? text.drafts.mendFirst : undefined}
          onClick={() => !attempt.isPending && !live && !broken && attempt.mutate()}
        >
          <FlaskConical aria-hidden className="size-4" /> {text.drafts.tryIt}
        </Button>
        {draft.begun && (
          <>
            <Button onClick={() => setDialog("discard")}>
              <Trash2 aria-hidden className="size-4" /> {text.drafts.discard}
            </Button>
            <Button look="primary" onClick={() => setDialog("publish")}>
              <Send aria-hidden className="size-4" /> {text.drafts.publish}
            </Button>
          </>
        )}
      </div>
      {draft.begun && broken && (
        <div role="alert" className="rounded-xl border border-bad/40 bg-bad-ground p-4">
          <p className="font-semibold">{text.drafts.problems(draft.problems.length)}</p>
          <Problems problems={draft.problems} onOpen={onOpen} />
        </div>
      )}
      {trial.data && trial.data.state !== "ended" && <Tried draft={draft} trial={trial.data} />}
      {dialog === "publish" && (
        <PublishDialog draft={draft} onPublished={onPublished} onClose={() => setDialog(undefined)} />
      )}
      <ConfirmDialog
        open={dialog === "discard"}
        title={text.drafts.discardTitle(draft.name)}
        confirm={text.drafts.discard}
        cancel={text.confirm.cancel}
        onConfirm={() => {
          setDialog(undefined);
          discard.mutate();
        }}
        onClose={() => setDialog(undefined)}
      >
        {draft.exists ? text.drafts.discardText : text.drafts.discardNew}
      </ConfirmDialog>
    </section>
  );
}
