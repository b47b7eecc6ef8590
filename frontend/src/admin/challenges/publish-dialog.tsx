import { useQuery } from "@tanstack/react-query";
import { Send } from "lucide-react";
import type { AdminChallenge, Draft } from "@/api/admin";
import { api, unwrap } from "@/api/client";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Notice } from "@/components/ui/notice";
import { useAction } from "../kit/action";
import { Loaded } from "../kit/loaded";
import { text } from "../text";
import { FileChanges } from "./changes";
import { draftChangesQuery, draftsKey } from "./draft-queries";
import { challengesKey } from "./queries";

type Props = { draft: Draft; onPublished: (id: string) => void; onClose: () => void };

/** What publishing a draft would change, and the button that does it. */
export function PublishDialog({ draft, onPublished, onClose }: Props) {
  const changes = useQuery(draftChangesQuery(draft.id));
  const broken = draft.problems.length > 0;
  const publish = useAction<string, AdminChallenge>({
    act: (over) =>
      unwrap(
        api.POST("/admin/api/drafts/{id}/publish", {
          params: { path: { id: draft.id } },
          body: { over, anyway: broken },
        }),
      ),
    done: ({ id, name }) => {
      onClose();
      onPublished(id);
      return draft.exists ? text.drafts.published(name) : text.drafts.publishedNew(name);
    },
    failed: text.drafts.publishFailed,
    renews: [draftsKey, challengesKey],
  });
  return (
    <Dialog open wide title={text.drafts.publishTitle(draft.name)} close={text.close} onClose={onClose}>
      <p className="text-ink-soft text-sm">{draft.exists ? text.drafts.publishText : text.drafts.publishNew}</p>
      {draft.stale && <Notice>{text.drafts.staleText}</Notice>}
      {broken && (
        <Notice>{draft.exists ? text.drafts.brokenText(draft.problems.length) : text.drafts.mendFirst}</Notice>
      )}
      <Loaded query={changes} className="h-64">
        {({ files, more, over }) => (
          <>
            {files.length === 0 ? (
              <p>{text.drafts.unchanged}</p>
            ) : (
              <div className="max-h-[50vh] overflow-y-auto">
                <FileChanges files={files} more={more} />
              </div>
            )}
            <div className="flex flex-wrap justify-end gap-2">
              <Button onClick={onClose}>{text.confirm.cancel}</Button>
              {(draft.exists || !broken) && (
                <Button
                  look={broken ? "danger" : "primary"}
                  aria-disabled={publish.isPending || changes.isFetching || undefined}
                  onClick={() => !publish.isPending && !changes.isFetching && publish.mutate(over)}
                >
                  <Send aria-hidden className="size-4" /> {broken ? text.drafts.publishAnyway : text.drafts.publishNow}
                </Button>
              )}
            </div>
          </>
        )}
      </Loaded>
    </Dialog>
  );
}
