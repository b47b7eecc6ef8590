import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, unwrap } from "@/api/client";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Field, Input, Select } from "@/components/ui/field";
import { Notice } from "@/components/ui/notice";
import { ProblemText } from "../kit/loaded";
import { OwnerInput } from "../kit/owner-field";
import { text } from "../text";
import { challengeNamesQuery, instancesKey } from "./queries";

type Props = { onClose: () => void; onSpawned: (id: string) => void };

/** Starts a copy of a challenge for somebody. */
export function SpawnDialog({ onClose, onSpawned }: Props) {
  const [challenge, setChallenge] = useState("");
  const [owner, setOwner] = useState("");
  const [typed, setTyped] = useState("");
  const [name, setName] = useState("");
  const challenges = useQuery(challengeNamesQuery).data?.filter(({ loaded }) => loaded);
  const client = useQueryClient();
  const spawn = useMutation({
    mutationFn: () =>
      unwrap(
        api.POST("/admin/api/instances/spawn", {
          body: { challenge_id: challenge, owner_id: owner.trim(), ...(name.trim() && { owner_name: name.trim() }) },
        }),
      ),
    onSuccess: ({ id }) => {
      onSpawned(id);
      return client.invalidateQueries({ queryKey: instancesKey });
    },
  });
  const complete = challenge !== "" && owner.trim() !== "";

  return (
    <Dialog open title={text.dashboard.spawn} close={text.close} onClose={onClose}>
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          if (complete && !spawn.isPending) spawn.mutate();
        }}
      >
        <p className="text-ink-soft text-sm">{text.dashboard.spawnText}</p>
        <Field label={text.logs.challenge}>
          {(ids) => (
            <Select {...ids} value={challenge} onChange={(event) => setChallenge(event.target.value)}>
              <option value="">{text.dashboard.choose}</option>
              {challenges?.map(({ id, name: title }) => (
                <option key={id} value={id}>
                  {title}
                </option>
              ))}
            </Select>
          )}
        </Field>
        <Field label={text.owner.label} hint={text.dashboard.ownerHint}>
          {(ids) => (
            <OwnerInput
              ids={ids}
              value={typed}
              onChange={(words, id) => {
                setTyped(words);
                setOwner(id);
                const known = / \([^()]+\)$/.exec(words);
                if (known && name === "") setName(words.slice(0, known.index));
              }}
            />
          )}
        </Field>
        <Field label={text.dashboard.ownerName}>
          {(ids) => <Input {...ids} value={name} onChange={(event) => setName(event.target.value)} />}
        </Field>
        {spawn.isError && (
          <Notice>
            <ProblemText cause={spawn.error} />
          </Notice>
        )}
        <div className="flex flex-wrap justify-end gap-2">
          <Button onClick={onClose}>{text.confirm.cancel}</Button>
          <Button look="primary" type="submit" disabled={!complete} aria-disabled={spawn.isPending || undefined}>
            {text.dashboard.spawn}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
