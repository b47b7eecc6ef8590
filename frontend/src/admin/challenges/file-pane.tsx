import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Download, Save, Trash2 } from "lucide-react";
import { lazy, type ReactNode, Suspense, useState } from "react";
import type { FileContent, FileEntry, FileProblem } from "@/api/admin";
import { api, asProblem, unwrap } from "@/api/client";
import { Button } from "@/components/ui/button";
import { Skeleton } from "@/components/ui/skeleton";
import { formatBytes } from "@/lib/format";
import { useAction } from "../kit/action";
import { Loaded } from "../kit/loaded";
import { TypeToConfirm } from "../kit/type-to-confirm";
import { text } from "../text";
import { challengesKey, fileQuery, filesQuery, receiveChallenge } from "./queries";

const CodeEditor = lazy(async () => ({ default: (await import("./code-editor")).CodeEditor }));

type Props = {
  id: string;
  entry: FileEntry;
  problems: FileProblem[];
  line: number;
  /** The edit that is not saved; undefined: none. */
  draft: string | undefined;
  onDraft: (value: string | undefined) => void;
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
  const { id, entry, problems, line, draft, onDraft } = props;
  const file = useQuery(fileQuery(id, entry.path));
  const client = useQueryClient();
  const [version, setVersion] = useState(0); // another editor when the file is read again
  const save = useAction<string>({
    act: async (content) => {
      const known = client.getQueryData(fileQuery(id, entry.path).queryKey);
      const written = await unwrap(
        api.PUT("/admin/api/challenges/{id}/files/{path}", {
          params: { path: { id, path: entry.path } },
          body: { content, encoding: "utf-8", ...(known && { tag: known.tag }) },
        }),
      );
      client.setQueryData(fileQuery(id, entry.path).queryKey, (old) => old && { ...old, content, tag: written.tag });
      onDraft(undefined);
      receiveChallenge(client, written.challenge);
      return written.challenge;
    },
    done: () => text.challenges.saved(entry.path),
    failed: text.challenges.saveFailed(entry.path),
    renews: [[...challengesKey, "list"], filesQuery(id).queryKey],
  });
  const conflict = save.isError && [409, 412].includes(asProblem(save.error).status);

  async function readAgain() {
    save.reset();
    await file.refetch();
    onDraft(undefined);
    setVersion((old) => old + 1);
  }

  return (
    <>
      <Bar
        {...props}
        actions={
          <>
            {draft !== undefined && <span className="text-accent text-sm">{text.challenges.unsaved}</span>}
            {conflict && <Button onClick={readAgain}>{text.challenges.readAgain}</Button>}
            {file.data && <DownloadButton file={file.data} />}
            <Button
              look="primary"
              disabled={draft === undefined}
              aria-disabled={save.isPending || undefined}
              onClick={() => draft !== undefined && !save.isPending && save.mutate(draft)}
            >
              <Save aria-hidden className="size-4" /> {text.challenges.save}
            </Button>
          </>
        }
      />
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
                  value={draft ?? content.content}
                  problems={problems}
                  line={line}
                  onChange={(value) => onDraft(value === content.content ? undefined : value)}
                  onSave={() => draft !== undefined && !save.isPending && save.mutate(draft)}
                />
              </Suspense>
            )
          }
        </Loaded>
      </div>
    </>
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

function Bar({ id, entry, onDraft, onGone, actions }: Props & { actions?: ReactNode }) {
  const [deleting, setDeleting] = useState(false);
  const remove = useAction<void>({
    act: async () => {
      await unwrap(
        api.DELETE("/admin/api/challenges/{id}/files/{path}", { params: { path: { id, path: entry.path } } }),
      );
      onDraft(undefined);
      onGone();
    },
    done: () => text.challenges.fileDeleted(entry.path),
    failed: text.challenges.fileDeleteFailed(entry.path),
    renews: [challengesKey],
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
