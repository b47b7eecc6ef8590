import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import type { AdminChallenge } from "@/api/admin";
import { api, unwrap } from "@/api/client";
import { Field, Input } from "@/components/ui/field";
import { formatBytes, formatNumber } from "@/lib/format";
import { useAction } from "../kit/action";
import { Button } from "../kit/takes";
import { text } from "../text";
import { bytesOf } from "./limit";
import { challengesKey, receiveChallenge } from "./queries";

/** What an instance may use: as the files say, or as an organiser has decided. */
export function Limits({ challenge }: { challenge: AdminChallenge }) {
  const { overrides, resources, most } = challenge;
  const [memory, setMemory] = useState(overrides.memory ? formatBytes(overrides.memory) : "");
  const [cpus, setCPUs] = useState(overrides.cpus ? String(overrides.cpus) : "");
  const [pids, setPids] = useState(overrides.pids ? String(overrides.pids) : "");
  const client = useQueryClient();
  const save = useAction<void>({
    act: async () =>
      receiveChallenge(
        client,
        await unwrap(
          api.PUT("/admin/api/challenges/{id}/resources", {
            params: { path: { id: challenge.id } },
            body: { memory: bytesOf(memory) ?? 0, cpus: Number(cpus), pids: Number(pids) },
          }),
        ),
      ),
    done: () => text.challenges.limitsSaved,
    failed: text.challenges.limitsFailed,
    renews: [challengesKey],
  });
  const tooMuch = {
    memory: (bytesOf(memory) ?? 0) > most.memory && most.memory > 0,
    cpus: Number(cpus) > most.cpus && most.cpus > 0,
    pids: Number(pids) > most.pids && most.pids > 0,
  };
  const unreadable =
    bytesOf(memory) === undefined || [cpus, pids].some((value) => value.trim() !== "" && !(Number(value) > 0));
  const wrong = unreadable || Object.values(tooMuch).some(Boolean);

  return (
    <form
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        if (!wrong && !save.isPending) save.mutate();
      }}
      className="flex max-w-xl flex-col gap-4 rounded-xl border border-line bg-card p-4"
    >
      <p className="text-ink-soft text-sm">{text.challenges.limitsText}</p>
      <Field
        label={text.challenges.memoryMiB}
        hint={text.challenges.inForce(formatBytes(resources.memory), formatBytes(most.memory))}
        error={tooMuch.memory ? text.challenges.atMost(formatBytes(most.memory), "CONTAINER_MAX_MEMORY") : undefined}
      >
        {(ids) => (
          <Input {...ids} placeholder="64m" value={memory} onChange={(event) => setMemory(event.target.value)} />
        )}
      </Field>
      <Field
        label={text.challenges.cpus}
        hint={text.challenges.inForce(formatNumber(resources.cpus), formatNumber(most.cpus))}
        error={tooMuch.cpus ? text.challenges.atMost(formatNumber(most.cpus), "CONTAINER_MAX_CPU") : undefined}
      >
        {(ids) => <Input {...ids} inputMode="decimal" value={cpus} onChange={(event) => setCPUs(event.target.value)} />}
      </Field>
      <Field
        label={text.challenges.pids}
        hint={text.challenges.inForce(formatNumber(resources.pids), formatNumber(most.pids))}
        error={tooMuch.pids ? text.challenges.atMost(formatNumber(most.pids), "CONTAINER_PIDS_LIMIT") : undefined}
      >
        {(ids) => <Input {...ids} inputMode="numeric" value={pids} onChange={(event) => setPids(event.target.value)} />}
      </Field>
      {unreadable && <p className="text-bad text-sm">{text.challenges.limitsWrong}</p>}
      <div>
        <Button
          takes="operator"
          look="primary"
          type="submit"
          disabled={wrong}
          aria-disabled={save.isPending || undefined}
        >
          {text.challenges.limitsSave}
        </Button>
      </div>
    </form>
  );
}
