import { useQueryClient } from "@tanstack/react-query";
import { Download, History } from "lucide-react";
import { useState } from "react";
import type { AdminChallenge, Revision } from "@/api/admin";
import { api, unwrap } from "@/api/client";
import { ConfirmDialog } from "@/components/ui/confirm-dialog";
import { useAction } from "../kit/action";
import { Button } from "../kit/takes";
import { text } from "../text";
import { draftsKey } from "./draft-queries";
import { challengesKey, receiveChallenge } from "./queries";

/** Where a challenge is downloaded: what its folder holds, or an earlier revision. */
export function archiveOf(id: string, revision?: string): string {
  return `/admin/api/challenges/${encodeURIComponent(id)}/archive${revision ? `?revision=${revision}` : ""}`;
}

type Props = { challenge: AdminChallenge; revision: Revision; onDone: () => void };

/** What can be done with an earlier revision: put it back, or take it home. */
export function RollBack({ challenge, revision, onDone }: Props) {
  const client = useQueryClient();
  const [asked, setAsked] = useState(false);
  const path = { id: challenge.id, revision: revision.revision };
  const back = useAction<void, AdminChallenge>({
    act: () =>
      unwrap(
        api.POST("/admin/api/challenges/{id}/revisions/{revision}/rollback", { params: { path } }),
      ) as Promise<AdminChallenge>,
    done: (now) => {
      receiveChallenge(client, now);
      onDone();
      return text.revisions.rolledBack(challenge.name);
    },
    failed: text.revisions.rollbackFailed,
    renews: [challengesKey, draftsKey],
  });
  if (!revision.kept) return <p className="text-ink-soft text-sm">{text.revisions.gone}</p>;
  return (
    <div className="flex flex-wrap gap-3">
      <Button takes="operator" onClick={() => setAsked(true)} aria-disabled={back.isPending || undefined}>
        <History aria-hidden className="size-4" /> {text.revisions.rollback}
      </Button>
      <Button asChild>
        <a href={archiveOf(challenge.id, revision.revision)} download>
          <Download aria-hidden className="size-4" /> {text.revisions.download}
        </a>
      </Button>
      <ConfirmDialog
        open={asked}
        title={text.revisions.rollbackTitle(challenge.name)}
        confirm={text.revisions.rollback}
        cancel={text.confirm.cancel}
        onConfirm={() => {
          setAsked(false);
          back.mutate();
        }}
        onClose={() => setAsked(false)}
      >
        {text.revisions.rollbackText(revision.revision)}
      </ConfirmDialog>
    </div>
  );
}
