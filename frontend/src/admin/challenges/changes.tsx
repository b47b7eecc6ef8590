import { useQuery } from "@tanstack/react-query";
import { FileDiff } from "lucide-react";
import { useState } from "react";
import type { AdminChallenge, FileChange, Revision } from "@/api/admin";
import { Badge, type Tone } from "@/components/ui/badge";
import { Dialog } from "@/components/ui/dialog";
import { EmptyState } from "@/components/ui/empty-state";
import { Field, Select } from "@/components/ui/field";
import { cn } from "@/lib/cn";
import { formatBytes, formatMoment } from "@/lib/format";
import { Loaded } from "../kit/loaded";
import { text } from "../text";
import { changesQuery } from "./queries";
import { RollBack } from "./roll-back";

type Props = { challenge: AdminChallenge; revision: Revision; others: Revision[]; onClose: () => void };

/** How a revision differs from another; at first from the one before it. */
export function ChangesDialog({ challenge, revision, others, onClose }: Props) {
  const sides = others.filter((other, at) => {
    const same = others.findIndex(({ revision }) => revision === other.revision);
    return same === at && other.revision !== revision.revision;
  });
  const before = sides.find(({ loaded_at }) => loaded_at < revision.loaded_at);
  const [from, setFrom] = useState(before?.revision ?? "");
  const changes = useQuery(changesQuery(challenge.id, revision.revision, from));
  return (
    <Dialog open wide title={text.revisions.changesOf(revision.revision)} close={text.close} onClose={onClose}>
      <div className="flex min-h-[50vh] flex-col gap-4">
        <p className="break-words text-ink-soft text-sm">
          {formatMoment(revision.loaded_at)}, {text.revisions.origins[revision.origin](revision.by)}
        </p>
        <Field label={text.revisions.comparedWith} className="sm:max-w-md">
          {(ids) => (
            <Select {...ids} value={from} onChange={(event) => setFrom(event.target.value)}>
              {sides.map((side) => (
                <option key={side.revision} value={side.revision}>
                  {formatMoment(side.loaded_at)} · {side.revision}
                </option>
              ))}
              <option value="">{text.revisions.nothing}</option>
            </Select>
          )}
        </Field>
        {!revision.current && <RollBack challenge={challenge} revision={revision} onDone={onClose} />}
        <Loaded query={changes} className="h-64">
          {({ files, more }) =>
            files.length === 0 ? (
              <EmptyState icon={FileDiff} title={text.revisions.sameTitle}>
                {text.revisions.sameText}
              </EmptyState>
            ) : (
              <FileChanges files={files} more={more} />
            )
          }
        </Loaded>
      </div>
    </Dialog>
  );
}

/** Files that differ, with the lines that do. */
export function FileChanges({ files, more }: { files: FileChange[]; more: number }) {
  return (
    <>
      <ul className="flex flex-col gap-3">
        {files.map((file) => (
          <File key={file.path} file={file} />
        ))}
      </ul>
      {more > 0 && <p className="text-ink-soft text-sm">{text.revisions.more(more)}</p>}
    </>
  );
}

const tones: Record<FileChange["change"], Tone> = { added: "good", removed: "bad", changed: "busy", mode: "neutral" };

function File({ file }: { file: FileChange }) {
  return (
    <li className="overflow-hidden rounded-lg border border-line">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1 border-line bg-raised px-3 py-2 text-sm">
        <code className="min-w-0 break-all">{file.path}</code>
        <Badge tone={tones[file.change]}>{text.revisions.changes[file.change]}</Badge>
        <span className="text-ink-soft tabular-nums sm:ml-auto">{sizes(file)}</span>
      </div>
      {!file.text && file.change !== "mode" && (
        <p className="px-3 py-2 text-ink-soft text-sm">{text.revisions.notText}</p>
      )}
      {file.hunks.length > 0 && (
        <section
          aria-label={text.revisions.linesOf(file.path)}
          // biome-ignore lint/a11y/noNoninteractiveTabindex: long lines are scrolled by keyboard too
          tabIndex={0}
          className="overflow-x-auto border-line border-t font-mono text-xs leading-5"
        >
          <div className="w-max min-w-full">
            {file.hunks.map((hunk) => (
              <div key={`${hunk.before} ${hunk.after}`}>
                <p className="bg-raised px-3 text-ink-soft">{text.revisions.fromLine(hunk.before, hunk.after)}</p>
                {hunk.lines.map((line, at) => (
                  <p
                    // biome-ignore lint/suspicious/noArrayIndexKey: the lines never move
                    key={at}
                    className={cn(
                      "whitespace-pre px-3",
                      line.kind === "+" && "bg-good-ground text-good",
                      line.kind === "-" && "bg-bad-ground text-bad",
                    )}
                  >
                    {line.kind} {line.text}
                  </p>
                ))}
              </div>
            ))}
          </div>
        </section>
      )}
      {file.cut && <p className="border-line border-t px-3 py-2 text-ink-soft text-sm">{text.revisions.cut}</p>}
    </li>
  );
}

function sizes({ change, before, after }: FileChange): string {
  const modes = [before.mode, after.mode].map((mode) => mode.toString(8).padStart(4, "0"));
  switch (change) {
    case "added":
      return formatBytes(after.size);
    case "removed":
      return formatBytes(before.size);
    case "mode":
      return modes.join(" → ");
    default: {
      const size = `${formatBytes(before.size)} → ${formatBytes(after.size)}`;
      return before.mode === after.mode ? size : `${size}, ${modes.join(" → ")}`;
    }
  }
}
