import { useQuery } from "@tanstack/react-query";
import { Download, Trash2 } from "lucide-react";
import { lazy, type ReactNode, Suspense, useState } from "react";
import type { FileContent, FileEntry, FileProblem } from "@/api/admin";
import { api, asProblem, unwrap } from "@/api/client";
import { Button } from "@/components/ui/button";
import { Notice } from "@/components/ui/notice";
import { Skeleton } from "@/components/ui/skeleton";
import { cn } from "@/lib/cn";
import { formatBytes } from "@/lib/format";
import { useAction } from "../kit/action";
import { Loaded, ProblemText } from "../kit/loaded";
import { TypeToConfirm } from "../kit/type-to-confirm";
import { text } from "../text";
import type { useAutosave } from "./autosave";
import { draftsKey, fileQuery } from "./draft-queries";

const CodeEditor = lazy(async () => ({ default: (await import("./code-editor")).CodeEditor }));

type Props = {
  id: string;
  entry: FileEntry;
  problems: FileProblem[];
  line: number;
  /** What is not in the draft yet; undefined: nothing. */
  edit: string | undefined;
  onEdit: (value: string | undefined) => void;
  saving: ReturnType<typeof useAutosave>;
  /** The file or folder was deleted. */
  onGone: () => void;
};

/** One file to edit, or a folder. */
export function FilePane(props: Props) {
  const { entry } = props;
  if (entry.kind === "folder") return <Bar {...props} />;
  if (entry.kind !== "file") {
    return (
      <>
        <Bar {...props} />
        <p className="m-auto p-6 text-ink-soft">{text.challenges.notAFile}</p>
      </>
    );
  }
  return <TextFile {...props} />;
}

function TextFile(props: Props) {
  const { id, entry, problems, line, edit, onEdit, saving } = props;
  const file = useQuery(fileQuery(id, entry.path));
  const [version, setVersion] = useState(0); // another editor when the file is read again
  const conflict = saving.error && [409, 412].includes(asProblem(saving.error).status);

  async function readAgain() {
    saving.reset();
    await file.refetch();
    onEdit(undefined);
    setVersion((old) => old + 1);
  }

  return (
    <>
      <Bar
        {...props}
        actions={
          <>
            <SavingState {...props} />
            {conflict && <Button onClick={readAgain}>{text.challenges.readAgain}</Button>}
            {saving.error && !conflict && <Button onClick={saving.now}>{text.error.retry}</Button>}
            {file.data && <DownloadButton file={file.data} />}
          </>
        }
      />
      {saving.error && (
        <Notice>
          <ProblemText cause={saving.error} />
        </Notice>
      )}
      <div className="min-h-0 flex-1">
        <Loaded query={file} className="h-full">
          {(content) =>
            content.encoding === "base64" ? (
              <p className="p-6 text-center text-ink-soft">{text.challenges.binary(formatBytes(content.size))}</p>
            ) : (
              <Suspense fallback={<Skeleton className="h-full" />}>
                <CodeEditor
                  key={version}
                  path={entry.path}
                  label={entry.path}
                  value={edit ?? content.content}
                  problems={problems}
                  line={line}
                  onChange={(value) => onEdit(value === content.content ? undefined : value)}
                  onSave={saving.now}
                />
              </Suspense>
            )
          }
        </Loaded>
      </div>
    </>
  );
}

/** Whether the draft has what stands in the editor. */
function SavingState({ edit, saving }: Props) {
  const said = saving.error
    ? text.challenges.unsaved
    : edit !== undefined
      ? text.drafts.saving
      : saving.saved
        ? text.drafts.saved
        : "";
  return (
    <span role="status" className={cn("text-sm", saving.error ? "text-bad" : "text-ink-soft")}>
      {said}
    </span>
  );
}

function DownloadButton({ file }: { file: FileContent }) {
  function download() {
    const bytes =
      file.encoding === "base64" ? Uint8Array.from(atob(file.content), (char) => char.charCodeAt(0)) : file.content;
    const url = URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" }));
    const link = document.createElement("a");
    link.href = url;
    link.download = file.path.slice(file.path.lastIndexOf("/") + 1);
    link.click();
    URL.revokeObjectURL(url);
  }
  return (
    <Button
      look="ghost"
      size="icon"
      aria-label={text.challenges.download}
      title={text.challenges.download}
      onClick={download}
    >
      <Download aria-hidden className="size-4" />
    </Button>
  );
}

function Bar({ id, entry, onEdit, onGone, actions }: Props & { actions?: ReactNode }) {
  const [deleting, setDeleting] = useState(false);
  const remove = useAction<void>({
    act: async () => {
      await unwrap(api.DELETE("/admin/api/drafts/{id}/files/{path}", { params: { path: { id, path: entry.path } } }));
      onEdit(undefined);
      onGone();
    },
    done: () => text.challenges.fileDeleted(entry.path),
    failed: text.challenges.fileDeleteFailed(entry.path),
    renews: [draftsKey],
  });
  const name = entry.path.slice(entry.path.lastIndexOf("/") + 1);
  return (
    <div className="flex flex-wrap items-center justify-end gap-2 border-line border-b p-2 pl-4">
      <h2 className="mr-auto min-w-0 break-all font-mono text-sm">{entry.path}</h2>
      {actions}
      <Button
        look="ghost"
        size="icon"
        aria-label={text.challenges.deleteFile(entry.path)}
        title={text.challenges.deleteFile(entry.path)}
        onClick={() => setDeleting(true)}
      >
        <Trash2 aria-hidden className="size-4" />
      </Button>
      <TypeToConfirm
        open={deleting}
        title={text.challenges.deleteFile(entry.path)}
        name={name}
        confirm={text.challenges.delete}
        onConfirm={() => remove.mutate()}
        onClose={() => setDeleting(false)}
      >
        {entry.kind === "folder" ? text.challenges.deleteFolderText : text.challenges.deleteFileText}
      </TypeToConfirm>
    </div>
  );
}
