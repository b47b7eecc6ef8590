import { useQuery } from "@tanstack/react-query";
import { Link2, Link2Off, Unplug, Wand2 } from "lucide-react";
import { useState } from "react";
import type { ChallengePairing, Connection as Connected } from "@/api/admin";
import { api, asProblem, unwrap } from "@/api/client";
import { Badge } from "@/components/ui/badge";
import { ConfirmDialog } from "@/components/ui/confirm-dialog";
import { Select, Switch } from "@/components/ui/field";
import { useAction } from "../kit/action";
import { Loaded, Nothing } from "../kit/loaded";
import { Button } from "../kit/takes";
import { TypeToConfirm } from "../kit/type-to-confirm";
import { text } from "../text";
import { Connection } from "./connection";
import { connectionQuery, flagsKey, pairingQuery } from "./queries";

type Local = ChallengePairing["local"][number];
type Remote = ChallengePairing["ctfd"][number];
type Link = Connected["links"][number];

/** Which challenge of CTFd each of ours is: what is there, what is probable, and what can be chosen. */
export function Mappings() {
  const pairing = useQuery(pairingQuery);
  if (pairing.isError && asProblem(pairing.error).code === "ctfd_not_configured") {
    return (
      <Nothing icon={Unplug} title={text.mappings.noCTFdTitle}>
        {asProblem(pairing.error).detail}
      </Nothing>
    );
  }
  return (
    <Loaded query={pairing} className="h-96">
      {({ local, ctfd }) =>
        local.length === 0 ? (
          <Nothing icon={Link2} title={text.mappings.noneTitle}>
            {text.mappings.noneText}
          </Nothing>
        ) : (
          <Wizard local={local} ctfd={ctfd} />
        )
      }
    </Loaded>
  );
}

function Wizard({ local, ctfd }: { local: Local[]; ctfd: Remote[] }) {
  const [write, setWrite] = useState(true);
  const [forgetting, setForgetting] = useState<Local>();
  const [replacing, setReplacing] = useState<Link>();
  const links = useQuery(connectionQuery).data?.links ?? [];
  const map = useAction<{ id: string; part?: string | undefined; remote: number }[]>({
    act: async (pairs) => {
      for (const { id, part = "", remote } of pairs) {
        await unwrap(
          api.POST("/admin/api/flags/sync-challenge", {
            body: { local_challenge_id: id, part, ctfd_challenge_id: remote, connection_info: write },
          }),
        );
      }
    },
    done: (_, pairs) => text.mappings.mapped(pairs.length),
    failed: text.mappings.mapFailed,
    renews: [flagsKey],
  });
  const forget = useAction<{ id: string; part?: string }>({
    act: ({ id, part }) =>
      unwrap(api.DELETE("/admin/api/flags/mapping/{id}", { params: { path: { id }, query: part ? { part } : {} } })),
    done: (_, { id, part }) => (part ? text.mappings.partForgotten(part) : text.mappings.forgotten(id)),
    failed: text.mappings.forgetFailed,
    renews: [flagsKey],
  });
  const writeLink = useAction<Link>({
    act: ({ local_challenge_id: id, state }) =>
      unwrap(
        api.POST("/admin/api/flags/mapping/{id}/sync-connection-info", {
          params: { path: { id }, query: { replace: state === "other" } },
        }),
      ),
    done: (_, link) => text.mappings.written(link.local_challenge_id),
    failed: text.mappings.writeFailed,
    renews: [flagsKey],
  });
  const exact = local.flatMap(({ id, mapped_to, suggestion }) =>
    mapped_to === 0 && suggestion?.exact ? [{ id, remote: suggestion.ctfd_challenge_id }] : [],
  );

  return (
    <div className="flex flex-col gap-4">
      <Connection />
      <div className="flex flex-wrap items-center justify-between gap-3">
        <span className="flex items-center gap-3 text-sm">
          <Switch label={text.mappings.write} checked={write} onChange={setWrite} /> {text.mappings.write}
        </span>
        <Button
          takes="admin"
          look="primary"
          disabled={exact.length === 0}
          aria-disabled={map.isPending || undefined}
          onClick={() => !map.isPending && map.mutate(exact)}
        >
          <Wand2 aria-hidden className="size-4" /> {text.mappings.takeAll(exact.length)}
        </Button>
      </div>
      <ul className="divide-y divide-line rounded-xl border border-line bg-card">
        {local.map((challenge) => (
          <Row
            key={`${challenge.id} ${challenge.mapped_to}`}
            challenge={challenge}
            ctfd={ctfd}
            busy={map.isPending}
            onMap={(remote, part) => map.mutate([{ id: challenge.id, part, remote }])}
            onForget={(part) => (part ? forget.mutate({ id: challenge.id, part }) : setForgetting(challenge))}
            link={links.find((link) => link.local_challenge_id === challenge.id)}
            onLink={(link) => (link.state === "other" ? setReplacing(link) : writeLink.mutate(link))}
          />
        ))}
      </ul>
      <ConfirmDialog
        open={replacing !== undefined}
        title={text.mappings.replaceOf(replacing?.local_challenge_id ?? "")}
        confirm={text.mappings.replace}
        cancel={text.mappings.cancel}
        onConfirm={() => {
          if (replacing) writeLink.mutate(replacing);
          setReplacing(undefined);
        }}
        onClose={() => setReplacing(undefined)}
      >
        <p className="break-words">{text.mappings.replaceText(replacing?.text ?? "", replacing?.link ?? "")}</p>
      </ConfirmDialog>
      <TypeToConfirm
        open={forgetting !== undefined}
        title={text.mappings.forgetOf(forgetting?.name ?? "")}
        name={forgetting?.id ?? ""}
        confirm={text.mappings.forget}
        onConfirm={() => forgetting && forget.mutate({ id: forgetting.id })}
        onClose={() => setForgetting(undefined)}
      >
        {text.mappings.forgetText}
      </TypeToConfirm>
    </div>
  );
}

type RowProps = {
  challenge: Local;
  ctfd: Remote[];
  busy: boolean;
  /** Without a part: the challenge, with all of its flags that are nowhere else. */
  onMap: (remote: number, part?: string) => void;
  onForget: (part?: string) => void;
  link: Link | undefined;
  onLink: (link: Link) => void;
};

function Row({ challenge, ctfd, busy, onMap, onForget, link, onLink }: RowProps) {
  const { suggestion, mapped_to, doubt } = challenge;
  const [chosen, setChosen] = useState(String(mapped_to || suggestion?.ctfd_challenge_id || ""));
  return (
    <li className="grid items-center gap-x-4 gap-y-2 p-4 md:grid-cols-[minmax(0,1fr)_minmax(0,1fr)_auto]">
      <div className="min-w-0">
        <p className="break-words font-semibold">
          {challenge.parts.length > 0 && challenge.first_part
            ? text.mappings.ofPart(challenge.name, challenge.first_part)
            : challenge.name}
        </p>
        <p className="flex flex-wrap items-center gap-2 text-ink-soft text-sm">
          <code className="text-xs">{challenge.id}</code>
          {doubt !== "" ? (
            <Badge tone="bad">{text.mappings.doubt}</Badge>
          ) : mapped_to > 0 ? (
            <Badge tone="good">{text.mappings.is}</Badge>
          ) : challenge.dynamic_flags ? (
            <Badge tone="busy">{text.mappings.isNot}</Badge>
          ) : null}
          {!challenge.dynamic_flags && <Badge>{text.mappings.static}</Badge>}
          {mapped_to === 0 && suggestion && (
            <span>{suggestion.exact ? text.mappings.exact : text.mappings.near(suggestion.ctfd_name)}</span>
          )}
        </p>
        {doubt !== "" && <p className="mt-1 break-words text-bad text-sm">{doubt}</p>}
        {doubt === "" && link && <LinkLine link={link} onLink={() => onLink(link)} />}
      </div>
      <Remotes
        label={text.mappings.choose(challenge.name)}
        none={text.mappings.none}
        of={challenge.id}
        ctfd={ctfd}
        chosen={chosen}
        onChoose={setChosen}
      />
      <div className="flex gap-2">
        <Button
          takes="admin"
          disabled={chosen === "" || (chosen === String(mapped_to) && doubt === "")}
          aria-disabled={busy || undefined}
          onClick={() => !busy && onMap(Number(chosen))}
        >
          <Link2 aria-hidden className="size-4" /> {doubt === "" ? text.mappings.map : text.mappings.again}
        </Button>
        <Button
          takes="admin"
          look="ghost"
          size="icon"
          disabled={mapped_to === 0}
          aria-label={text.mappings.forgetOf(challenge.name)}
          title={text.mappings.forgetOf(challenge.name)}
          onClick={() => onForget()}
        >
          <Link2Off aria-hidden className="size-4" />
        </Button>
      </div>
      {challenge.parts.map((part) => (
        <PartRow
          key={`${part.name} ${part.mapped_to}`}
          challenge={challenge}
          part={part}
          ctfd={ctfd}
          busy={busy}
          onMap={(remote) => onMap(remote, part.name)}
          onForget={() => onForget(part.name)}
        />
      ))}
    </li>
  );
}

type PartProps = {
  challenge: Local;
  part: Local["parts"][number];
  ctfd: Remote[];
  busy: boolean;
  onMap: (remote: number) => void;
  onForget: () => void;
};

/** A further flag of a challenge, which may be a challenge of its own in CTFd. */
function PartRow({ challenge, part, ctfd, busy, onMap, onForget }: PartProps) {
  const [chosen, setChosen] = useState(String(part.mapped_to || ""));
  const called = text.mappings.ofPart(challenge.name, part.name);
  return (
    <>
      <div className="min-w-0 border-line border-l-2 pl-3">
        <p className="break-words text-sm">{called}</p>
        <p className="text-ink-soft text-xs">
          {part.mapped_to > 0 ? text.mappings.partIs : text.mappings.partWithFirst}
        </p>
        {part.doubt !== "" && <p className="mt-1 break-words text-bad text-sm">{part.doubt}</p>}
      </div>
      <Remotes
        label={text.mappings.choose(called)}
        none={text.mappings.withFirst}
        of={challenge.id}
        ctfd={ctfd}
        chosen={chosen}
        onChoose={setChosen}
      />
      <div className="flex gap-2">
        <Button
          takes="admin"
          disabled={chosen === "" || (chosen === String(part.mapped_to) && part.doubt === "")}
          aria-disabled={busy || undefined}
          onClick={() => !busy && onMap(Number(chosen))}
        >
          <Link2 aria-hidden className="size-4" /> {part.doubt === "" ? text.mappings.map : text.mappings.again}
        </Button>
        <Button
          takes="admin"
          look="ghost"
          size="icon"
          disabled={part.mapped_to === 0}
          aria-label={text.mappings.forgetOf(called)}
          title={text.mappings.forgetOf(called)}
          onClick={onForget}
        >
          <Link2Off aria-hidden className="size-4" />
        </Button>
      </div>
    </>
  );
}

type RemotesProps = {
  label: string;
  none: string;
  of: string;
  ctfd: Remote[];
  chosen: string;
  onChoose: (chosen: string) => void;
};

/** The challenges of CTFd to choose from. */
function Remotes({ label, none, of, ctfd, chosen, onChoose }: RemotesProps) {
  return (
    <Select aria-label={label} value={chosen} onChange={(event) => onChoose(event.target.value)}>
      <option value="">{none}</option>
      {ctfd.map((remote) => (
        <option key={remote.id} value={remote.id}>
          {text.mappings.remote(
            remote.name,
            remote.category,
            remote.hidden,
            remote.mapped_to && remote.mapped_to !== of ? remote.mapped_to : "",
          )}
        </option>
      ))}
    </Select>
  );
}

/** What CTFd shows the challenge's players as the way to it. */
function LinkLine({ link, onLink }: { link: Link; onLink: () => void }) {
  const { state } = link;
  return (
    <p className="mt-1 flex flex-wrap items-center gap-x-3 gap-y-1 text-ink-soft text-sm">
      <span className="min-w-0 break-all">
        {state === "stands"
          ? text.mappings.link(link.text)
          : state === "other"
            ? text.mappings.own(link.text)
            : text.mappings.noLink}
      </span>
      {(state === "other" || state === "none") && (
        <Button takes="admin" onClick={onLink}>
          {state === "other" ? text.mappings.replace : text.mappings.writeLink}
        </Button>
      )}
    </p>
  );
}
