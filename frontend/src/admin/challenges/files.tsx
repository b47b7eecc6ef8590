import { useQuery } from "@tanstack/react-query";
import { FilePlus, FileSearch, FolderPlus } from "lucide-react";
import { useState } from "react";
import type { Draft, FileEntry } from "@/api/admin";
import { api, unwrap } from "@/api/client";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Field, Input } from "@/components/ui/field";
import { useAction } from "../kit/action";
import { useFilters } from "../kit/filters";
import { AskBeforeLeaving } from "../kit/leaving";
import { Loaded } from "../kit/loaded";
import { text } from "../text";
import { type Edits, useAutosave, without } from "./autosave";
import { draftsKey, filesQuery } from "./draft-queries";
import { FilePane } from "./file-pane";
import { FileTree } from "./file-tree";
import { parentOf, pathOf, treeOf } from "./tree";

/** The files of a draft, or of a challenge that has none yet: on the left all, on the right one of them. */
export function Files({ draft }: { draft: Draft }) {
  const files = useQuery(filesQuery(draft.id));
  return (
    <Loaded query={files} className="h-[34rem]">
      {(entries) => <Workbench draft={draft} entries={entries} />}
    </Loaded>
  );
}

function Workbench({ draft, entries }: { draft: Draft; entries: FileEntry[] }) {
  const [edits, setEdits] = useState<Edits>({});
  const saving = useAutosave(draft.id, edits, setEdits);
  const [filters, setFilters] = useFilters();
  const [making, setMaking] = useState<"file" | "folder">();
  const selected = entries.find(({ path }) => path === filters.file);
  const folder = selected ? (selected.kind === "folder" ? selected.path : parentOf(selected.path)) : "";
  const problems = draft.problems.filter((problem) => pathOf(draft, problem) === selected?.path);

  return (
    <div className="grid gap-4 lg:grid-cols-[18rem_minmax(0,1fr)]">
      <AskBeforeLeaving dirty={saving.dirty} />
      <div className="flex flex-col rounded-xl border border-line bg-card">
        <div className="flex gap-1 border-line border-b p-2">
          <Button look="ghost" className="px-2" onClick={() => setMaking("file")}>
            <FilePlus aria-hidden className="size-4" /> {text.challenges.newFile}
          </Button>
          <Button look="ghost" className="px-2" onClick={() => setMaking("folder")}>
            <FolderPlus aria-hidden className="size-4" /> {text.challenges.newFolder}
          </Button>
        </div>
        <nav aria-label={text.challenges.files} className="max-h-[40vh] overflow-auto p-2 lg:max-h-[34rem]">
          <FileTree
            nodes={treeOf(entries)}
            selected={filters.file ?? ""}
            edited={new Set(Object.keys(edits))}
            faulty={new Set(draft.problems.map((problem) => pathOf(draft, problem)))}
            onSelect={({ path }) => setFilters({ file: path, line: undefined })}
          />
        </nav>
      </div>
      <div className="flex h-[36rem] min-w-0 flex-col overflow-hidden rounded-xl border border-line bg-card">
        {selected ? (
          <FilePane
            key={selected.path}
            id={draft.id}
            entry={selected}
            problems={problems}
            line={Number(filters.line ?? 0)}
            edit={edits[selected.path]}
            saving={saving}
            onEdit={(value) =>
              setEdits((old) => ({
                ...without(old, selected.path),
                ...(value !== undefined && { [selected.path]: value }),
              }))
            }
            onGone={() => setFilters({ file: undefined, line: undefined })}
          />
        ) : (
          <div className="m-auto flex flex-col items-center gap-2 p-6 text-center text-ink-soft">
            <FileSearch aria-hidden className="size-8 text-accent" strokeWidth={1.5} />
            {text.challenges.pick}
          </div>
        )}
      </div>
      {making && (
        <NewEntry
          id={draft.id}
          kind={making}
          folder={folder}
          taken={entries.map(({ path }) => path)}
          onMade={(path) => setFilters({ file: path, line: undefined })}
          onClose={() => setMaking(undefined)}
        />
      )}
    </div>
  );
}

type NewProps = {
  id: string;
  kind: "file" | "folder";
  folder: string;
  taken: string[];
  onMade: (path: string) => void;
  onClose: () => void;
};

function NewEntry({ id, kind, folder, taken, onMade, onClose }: NewProps) {
  const [path, setPath] = useState(folder === "" ? "" : `${folder}/`);
  const make = useAction<string>({
    act: async (made) => {
      await unwrap(
        api.POST("/admin/api/drafts/{id}/files/{path}", {
          params: { path: { id, path: made } },
          body: { content: "", kind },
        }),
      );
      onMade(made);
      onClose();
    },
    failed: text.challenges.createFailed,
    renews: [draftsKey],
  });
  const exists = taken.includes(path.trim());
  return (
    <Dialog
      open
      title={kind === "file" ? text.challenges.newFile : text.challenges.newFolder}
      close={text.close}
      onClose={onClose}
    >
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          if (path.trim() !== "" && !exists && !make.isPending) make.mutate(path.trim());
        }}
      >
        <Field
          label={text.challenges.path}
          hint={text.challenges.pathHint}
          error={exists ? text.challenges.pathTaken : undefined}
        >
          {(ids) => (
            <Input
              {...ids}
              data-first
              value={path}
              onChange={(event) => setPath(event.target.value)}
              className="font-mono"
            />
          )}
        </Field>
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>{text.confirm.cancel}</Button>
          <Button look="primary" type="submit">
            {text.challenges.create}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
