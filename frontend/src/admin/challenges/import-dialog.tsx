import { PackageOpen } from "lucide-react";
import { useState } from "react";
import type { ImportedChallenge, ImportReport } from "@/api/admin";
import { Badge, type Tone } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { EmptyState } from "@/components/ui/empty-state";
import { useAction } from "../kit/action";
import { text } from "../text";
import { FileChanges } from "./changes";
import { Problems } from "./problems";
import { challengesKey } from "./queries";
import { bring } from "./upload";

type Props = { file: File; report: ImportReport; onClose: () => void };

/** What import makes of an archive, and what of it is taken. What is there already is replaced only if it is chosen. */
export function ImportDialog({ file, report, onClose }: Props) {
  const [shown, setShown] = useState(report);
  const [chosen, setChosen] = useState(() => new Set(report.challenges.filter(fresh).map(({ folder }) => folder)));
  const take = useAction<string[], ImportReport>({
    act: (folders) => bring(file, folders, () => {}),
    done: (after) => {
      const took = after.challenges.filter(({ taken }) => taken).length;
      if (after.challenges.some(({ refusal }) => refusal !== "")) {
        setShown(after);
        setChosen(new Set());
      } else onClose();
      return took > 0 ? text.imports.took(took) : "";
    },
    failed: text.imports.failed,
    renews: [challengesKey],
  });
  return (
    <Dialog open wide title={text.imports.title(file.name)} close={text.close} onClose={onClose}>
      {shown.challenges.length === 0 ? (
        <EmptyState icon={PackageOpen} title={text.imports.title(file.name)}>
          {text.imports.none}
        </EmptyState>
      ) : (
        <>
          <p className="max-w-prose text-ink-soft text-sm">{text.imports.lead}</p>
          <ul className="flex flex-col gap-3">
            {shown.challenges.map((challenge) => (
              <Item
                key={challenge.folder}
                challenge={challenge}
                chosen={chosen.has(challenge.folder)}
                onChoose={() => setChosen(toggled(chosen, challenge.folder))}
              />
            ))}
          </ul>
        </>
      )}
      {(shown.notes.length > 0 || shown.resting > 0) && (
        <ul className="flex flex-col gap-1 break-words text-ink-soft text-sm">
          {shown.notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
          {shown.resting > 0 && <li>{text.imports.resting(shown.resting)}</li>}
        </ul>
      )}
      <div className="sticky bottom-0 flex justify-end gap-3 bg-card py-2">
        <Button onClick={onClose}>{text.close}</Button>
        <Button
          look="primary"
          aria-disabled={chosen.size === 0 || take.isPending || undefined}
          onClick={() => chosen.size > 0 && !take.isPending && take.mutate([...chosen])}
        >
          {text.imports.take(chosen.size)}
        </Button>
      </div>
    </Dialog>
  );
}

const tones: Record<ImportedChallenge["verdict"], Tone> = { taken: "good", noted: "accent", refused: "bad" };

function Item({
  challenge,
  chosen,
  onChoose,
}: {
  challenge: ImportedChallenge;
  chosen: boolean;
  onChoose: () => void;
}) {
  const folder = challenge.folder === "." ? text.imports.top : challenge.folder;
  const { files, more } = challenge.changes;
  return (
    <li className="flex flex-col gap-2 rounded-lg border border-line p-3">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <label className="flex min-h-8 min-w-0 cursor-pointer items-center gap-3">
          <input
            type="checkbox"
            className="size-4 shrink-0 accent-accent"
            aria-label={text.imports.select(folder)}
            checked={chosen}
            disabled={!takeable(challenge)}
            onChange={onChoose}
          />
          <span className="min-w-0 break-all font-semibold">{challenge.id}</span>
        </label>
        <Badge tone={tones[challenge.verdict]}>{text.imports.verdicts[challenge.verdict]}</Badge>
        {challenge.exists && <Badge tone="busy">{text.imports.replaces(challenge.id)}</Badge>}
        <code className="min-w-0 break-all text-ink-soft text-sm sm:ml-auto">{folder}</code>
      </div>
      <p className="break-words text-ink-soft text-sm">{about(challenge)}</p>
      {challenge.refusal && <p className="break-words text-bad text-sm">{challenge.refusal}</p>}
      <Problems problems={challenge.problems} />
      {challenge.notes.length > 0 && (
        <details className="text-sm">
          <summary className="cursor-pointer">{text.imports.notes(challenge.notes.length)}</summary>
          <ul className="mt-2 flex flex-col gap-1 break-words">
            {challenge.notes.map((note) => (
              <li key={note}>{note}</li>
            ))}
          </ul>
        </details>
      )}
      {challenge.exists && (
        <details className="text-sm" open={files.length > 0 && files.length <= 3}>
          <summary className="cursor-pointer">{text.imports.changes(files.length + more)}</summary>
          <div className="mt-2 flex flex-col gap-3">
            <FileChanges files={files} more={more} />
          </div>
        </details>
      )}
    </li>
  );
}

/** What is known of it, in one line. */
function about({ routes, flag, metadata, compose_made, verdict }: ImportedChallenge): string {
  return [
    ...routes.map(({ service, port, type }) => text.imports.route(service, port, type)),
    verdict === "refused" ? "" : text.imports.flags[flag],
    metadata && text.imports.metadata(metadata),
    compose_made ? text.imports.composeMade : "",
  ]
    .filter(Boolean)
    .join(" · ");
}

const takeable = ({ verdict, taken }: ImportedChallenge) => verdict !== "refused" && !taken;

/** Those that are chosen at first: they load, and replace nothing. */
export const fresh = (challenge: ImportedChallenge) => takeable(challenge) && !challenge.exists;

function toggled(set: Set<string>, one: string): Set<string> {
  const next = new Set(set);
  if (!next.delete(one)) next.add(one);
  return next;
}
