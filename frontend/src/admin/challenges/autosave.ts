import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { api, unwrap } from "@/api/client";
import { draftChangesQuery, draftQuery, draftsQuery, fileQuery } from "./draft-queries";

/** Edits that are not in the draft yet, by path; they outlive the look at another file. */
export type Edits = Record<string, string>;

/** How long nothing is typed before it is saved. */
const pause = 600;

/** Saves edits into the draft while one types, and learns from each answer what is wrong with it now. */
export function useAutosave(id: string, edits: Edits, onEdits: (change: (old: Edits) => Edits) => void) {
  const client = useQueryClient();
  const save = useMutation({
    mutationFn: async (all: Edits) => {
      for (const [path, content] of Object.entries(all)) {
        const { queryKey } = fileQuery(id, path);
        const known = client.getQueryData(queryKey);
        const written = await unwrap(
          api.PUT("/admin/api/drafts/{id}/files/{path}", {
            params: { path: { id, path } },
            body: { content, encoding: "utf-8", ...(known && { tag: known.tag }) },
          }),
        );
        client.setQueryData(queryKey, (old) => old && { ...old, content, tag: written.tag });
        client.setQueryData(draftQuery(id).queryKey, written.draft);
        onEdits((old) => (old[path] === content ? without(old, path) : old));
      }
    },
    onSettled: () =>
      Promise.all(
        // Sizes of files are of no interest while one types, and requests are counted.
        [draftsQuery.queryKey, draftChangesQuery(id).queryKey].map((queryKey) =>
          client.invalidateQueries({ queryKey }),
        ),
      ),
  });
  const { isPending, isError, mutate } = save;
  const dirty = Object.keys(edits).length > 0;
  useEffect(() => {
    if (!dirty || isPending || isError) return;
    const timer = setTimeout(() => mutate(edits), pause);
    return () => clearTimeout(timer);
  }, [edits, dirty, isPending, isError, mutate]);

  return {
    dirty,
    saved: save.isSuccess,
    error: save.error,
    /** At once; also after it has failed. */
    now: () => dirty && !isPending && mutate(edits),
    reset: save.reset,
  };
}

/** Edits without those of one file. */
export function without(edits: Edits, path: string): Edits {
  const { [path]: _, ...others } = edits;
  return others;
}
