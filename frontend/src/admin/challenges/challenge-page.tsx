import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { ArrowLeft, Download, RefreshCw, Trash2 } from "lucide-react";
import { useState } from "react";
import type { AdminChallenge, FileProblem } from "@/api/admin";
import { api, asProblem, unwrapEmpty } from "@/api/client";
import { Notice } from "@/components/ui/notice";
import { Segmented } from "@/components/ui/segmented";
import { NotFound } from "../dead-ends";
import { useAction } from "../kit/action";
import { useFilters } from "../kit/filters";
import { TabLink } from "../kit/link";
import { Loaded } from "../kit/loaded";
import { Page } from "../kit/page";
import { Button, Switch } from "../kit/takes";
import { TypeToConfirm } from "../kit/type-to-confirm";
import { text } from "../text";
import { useReload, useToggle } from "./actions";
import { Build } from "./build";
import { DraftBar } from "./draft-bar";
import { draftQuery, draftsKey } from "./draft-queries";
import { Files } from "./files";
import { Limits } from "./limits";
import { Problems } from "./problems";
import { challengesQuery } from "./queries";
import { Release } from "./release";
import { Revisions } from "./revisions";
import { archiveOf } from "./roll-back";
import { Solver } from "./solver";
import { ChallengeState } from "./state";
import { pathOf } from "./tree";

/** One challenge: its files, its images, its limits. */
export function ChallengePage() {
  const { id = "" } = useParams({ strict: false }) as { id?: string };
  const challenges = useQuery(challengesQuery);
  return (
    <>
      <p className="mb-4 text-sm">
        <TabLink
          to="/challenges"
          className="inline-flex min-h-8 items-center gap-1.5 text-accent underline underline-offset-4"
        >
          <ArrowLeft aria-hidden className="size-4" /> {text.challenges.back}
        </TabLink>
      </p>
      <Loaded query={challenges} className="h-96">
        {(all) => {
          const challenge = all.find((one) => one.id === id);
          return challenge ? <Found key={id} challenge={challenge} /> : <OnlyDraft key={id} id={id} />;
        }}
      </Loaded>
    </>
  );
}

function Found({ challenge }: { challenge: AdminChallenge }) {
  const [filters, setFilters] = useFilters();
  const view = filters.view ?? "files";
  const open = (problem: FileProblem) => setFilters(placeOf(challenge, problem));
  return (
    <Page
      title={challenge.name}
      lead={text.challenges.about(
        challenge.id,
        challenge.category,
        challenge.instances,
        text.challenges.aheadOf(challenge.waiting, challenge.warm),
      )}
      actions={<Actions challenge={challenge} />}
    >
      {(challenge.unbuilt || challenge.images === "failed") && (
        <Notice>
          <span className="mr-3">
            {challenge.unbuilt
              ? text.challenges.unbuiltText(challenge.unbuilt, challenge.revision)
              : text.challenges.imagesFailedText}
          </span>
          <Button onClick={() => setFilters({ view: challenge.unbuilt ? "revisions" : "build" })}>
            {challenge.unbuilt ? text.challenges.seeRevisions : text.challenges.seeBuild}
          </Button>
        </Notice>
      )}
      {challenge.problems.length > 0 && (
        <div role="alert" className="rounded-xl border border-bad/40 bg-bad-ground p-4">
          <p className="font-semibold">
            {challenge.loaded
              ? text.challenges.problemsKept(challenge.problems.length)
              : text.challenges.problemsBroken(challenge.problems.length)}
          </p>
          <Problems problems={challenge.problems} onOpen={open} />
        </div>
      )}
      {challenge.notes.length > 0 && (
        <details className="rounded-xl border border-line p-4">
          <summary className="cursor-pointer font-semibold">{text.challenges.notes(challenge.notes.length)}</summary>
          <Problems problems={challenge.notes} onOpen={open} />
        </details>
      )}
      {challenge.loaded && <Solver id={challenge.id} />}
      <Segmented
        label={text.challenges.view}
        value={view}
        onChange={(next) => setFilters({ view: next === "files" ? undefined : next })}
        options={[
          { value: "files", label: text.challenges.files },
          { value: "build", label: text.challenges.build },
          { value: "revisions", label: text.challenges.revisions },
          { value: "limits", label: text.challenges.limits },
        ]}
      />
      {view === "build" ? (
        <Build challenge={challenge} />
      ) : view === "revisions" ? (
        <Revisions challenge={challenge} />
      ) : view === "limits" ? (
        <div className="flex flex-col gap-4">
          <Release key={challenge.opens_set} challenge={challenge} />
          <Limits key={JSON.stringify(challenge.overrides)} challenge={challenge} />
        </div>
      ) : (
        <FilesView challenge={challenge} />
      )}
    </Page>
  );
}

/** The files of a challenge, through its draft. */
function FilesView({ challenge }: { challenge: AdminChallenge }) {
  const draft = useQuery(draftQuery(challenge.id));
  const [, setFilters] = useFilters();
  const navigate = useNavigate();
  const client = useQueryClient();
  const [version, setVersion] = useState(0);
  const readAgain = () => {
    client.removeQueries({ queryKey: [...draftsKey, challenge.id, "file"] });
    setVersion(version + 1); // another editor
  };
  return (
    <Loaded query={draft} className="h-96">
      {(now) => (
        <>
          <DraftBar
            draft={now}
            onOpen={(problem) => setFilters(placeOf(now, problem))}
            onPublished={(id) =>
              id === challenge.id
                ? readAgain()
                : void navigate({ to: `/challenges/${encodeURIComponent(id)}` as never })
            }
            onDiscarded={readAgain}
          />
          <Files key={version} draft={now} />
        </>
      )}
    </Loaded>
  );
}

/** A draft of a challenge that is not there yet. */
function OnlyDraft({ id }: { id: string }) {
  const draft = useQuery(draftQuery(id));
  const [, setFilters] = useFilters();
  const navigate = useNavigate();
  if (draft.isError && asProblem(draft.error).status === 404) return <NotFound />;
  return (
    <Loaded query={draft} className="h-96">
      {(now) => (
        <Page title={now.name} lead={id}>
          <DraftBar
            draft={now}
            onOpen={(problem) => setFilters(placeOf(now, problem))}
            onPublished={(made) => void navigate({ to: `/challenges/${encodeURIComponent(made)}` as never })}
            onDiscarded={() => void navigate({ to: "/challenges" as never })}
          />
          <Files draft={now} />
        </Page>
      )}
    </Loaded>
  );
}

/** The address of the place that a problem is at. */
function placeOf(of: { folder: string }, problem: FileProblem) {
  return {
    view: undefined,
    file: pathOf(of, problem),
    line: problem.line ? String(problem.line) : undefined,
  };
}

function Actions({ challenge }: { challenge: AdminChallenge }) {
  const [deleting, setDeleting] = useState(false);
  const navigate = useNavigate();
  const toggle = useToggle();
  const reload = useReload();
  const remove = useAction<void>({
    act: () => unwrapEmpty(api.DELETE("/admin/api/challenges/{id}", { params: { path: { id: challenge.id } } })),
    done: () => {
      void navigate({ to: "/challenges" as never });
      return text.challenges.wasDeleted(challenge.name);
    },
    failed: text.challenges.deleteFailed(challenge.name),
    renews: [challengesQuery.queryKey], // its files are gone and cannot be asked for
  });
  return (
    <>
      <ChallengeState challenge={challenge} />
      <Switch
        takes="operator"
        label={text.challenges.toggleOf(challenge.name)}
        checked={challenge.active}
        onChange={() => toggle.mutate(challenge)}
      />
      <Button takes="operator" onClick={() => reload.mutate(challenge)} aria-disabled={reload.isPending || undefined}>
        <RefreshCw aria-hidden className="size-4" /> {text.challenges.reload}
      </Button>
      <Button asChild>
        <a href={archiveOf(challenge.id)} download>
          <Download aria-hidden className="size-4" /> {text.challenges.downloadAll}
        </a>
      </Button>
      <Button takes="operator" look="danger" onClick={() => setDeleting(true)}>
        <Trash2 aria-hidden className="size-4" /> {text.challenges.delete}
      </Button>
      <TypeToConfirm
        open={deleting}
        title={text.challenges.deleteTitle(challenge.name)}
        name={challenge.id}
        confirm={text.challenges.delete}
        onConfirm={() => remove.mutate()}
        onClose={() => setDeleting(false)}
      >
        {text.challenges.deleteText(challenge.folder)}
      </TypeToConfirm>
    </>
  );
}
