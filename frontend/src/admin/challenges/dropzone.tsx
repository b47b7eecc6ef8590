import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Upload } from "lucide-react";
import { type DragEvent, useRef, useState } from "react";
import type { Draft, ImportReport } from "@/api/admin";
import { Notice } from "@/components/ui/notice";
import { toast } from "@/components/ui/toast";
import { cn } from "@/lib/cn";
import { formatBytes, formatNumber } from "@/lib/format";
import { TabLink } from "../kit/link";
import { ProblemText } from "../kit/loaded";
import { Button } from "../kit/takes";
import { text } from "../text";
import { draftsKey } from "./draft-queries";
import { ImportDialog } from "./import-dialog";
import { Problems } from "./problems";
import { challengesKey } from "./queries";
import { bring, UploadProblem, upload, uploadDraft } from "./upload";

/** Refusals of an archive that is more than one new challenge: an organiser chooses what to take of it. */
const toChoose = ["archive_no_challenge", "archive_many", "challenge_exists"];

/** Where an archive is dropped or chosen; shows how much of it has left, and what is wrong in it. */
export function Dropzone() {
  const input = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const [share, setShare] = useState(0);
  const [kept, setKept] = useState<Draft>();
  const [found, setFound] = useState<{ file: File; report: ImportReport }>();
  const client = useQueryClient();
  const send = useMutation({
    mutationFn: async (file: File) => {
      try {
        return await upload(file, setShare);
      } catch (cause) {
        if (cause instanceof UploadProblem && cause.code === "challenge_invalid") {
          setKept(await uploadDraft(file, setShare));
          return;
        }
        if (!(cause instanceof UploadProblem) || !toChoose.includes(cause.code)) throw cause;
        const report = await bring(file, [], setShare);
        setFound({ file, report });
      }
    },
    onMutate: () => {
      setShare(0);
      setKept(undefined);
    },
    onSuccess: (challenge) => challenge && toast.done(text.challenges.uploaded(challenge.name, challenge.active)),
    onSettled: () => Promise.all([challengesKey, draftsKey].map((queryKey) => client.invalidateQueries({ queryKey }))),
  });

  function take(files: FileList | null) {
    const file = files?.[0];
    if (file && !send.isPending) send.mutate(file);
    if (input.current) input.current.value = ""; // the same file may be chosen again
  }

  function drop(event: DragEvent) {
    event.preventDefault();
    setOver(false);
    take(event.dataTransfer.files);
  }

  return (
    <div className="flex flex-col gap-3">
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the button in it does the same by keyboard */}
      <div
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={drop}
        className={cn(
          "flex min-h-24 flex-wrap items-center justify-between gap-4 rounded-xl border border-dashed p-4",
          over ? "border-accent bg-accent-ground" : "border-line-strong bg-card/60",
        )}
      >
        {send.isPending ? (
          <div className="w-full">
            <p className="mb-2 flex justify-between gap-4 text-sm tabular-nums">
              <span className="min-w-0 truncate">
                {text.challenges.uploading(send.variables.name, formatBytes(send.variables.size))}
              </span>
              <span>{share < 1 ? `${formatNumber(Math.round(share * 100))} %` : text.challenges.checking}</span>
            </p>
            <progress aria-label={text.challenges.upload} className="bar h-2 w-full" value={share} max={1} />
          </div>
        ) : (
          <>
            <div className="min-w-0">
              <p className="font-semibold">{text.challenges.drop}</p>
              <p className="text-ink-soft text-sm">{text.challenges.dropHint}</p>
            </div>
            <input
              ref={input}
              type="file"
              accept=".zip,application/zip"
              hidden
              onChange={(event) => take(event.target.files)}
            />
            <Button takes="operator" look="primary" onClick={() => input.current?.click()}>
              <Upload aria-hidden className="size-4" /> {text.challenges.upload}
            </Button>
          </>
        )}
      </div>
      {send.isError && (
        <Notice dismiss={text.error.close} onDismiss={() => send.reset()}>
          <ProblemText cause={send.error} />
          {send.error instanceof UploadProblem && <Problems problems={send.error.problems} />}
        </Notice>
      )}
      {kept && (
        <Notice dismiss={text.error.close} onDismiss={() => setKept(undefined)}>
          <span className="mr-3">{text.drafts.kept(kept.name, kept.problems.length)}</span>
          <TabLink
            to={`/challenges/${encodeURIComponent(kept.id)}`}
            className="text-accent underline underline-offset-4"
          >
            {text.drafts.open}
          </TabLink>
          <Problems problems={kept.problems} />
        </Notice>
      )}
      {found && <ImportDialog {...found} onClose={() => setFound(undefined)} />}
    </div>
  );
}
