import { queryOptions, useQuery } from "@tanstack/react-query";
import { KeyRound, Trash2 } from "lucide-react";
import { type FormEvent, useState } from "react";
import { api, unwrap } from "@/api/client";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { Field, Input } from "@/components/ui/field";
import { useAction } from "../kit/action";
import { Loaded } from "../kit/loaded";
import { text } from "../text";

const variablesKey = ["admin", "variables"] as const;

const variablesQuery = queryOptions({
  queryKey: variablesKey,
  queryFn: async ({ signal }) => (await unwrap(api.GET("/admin/api/variables", { signal }))).variables,
});

type Variable = { name: string; challenge_id: string; used_by: string[] };

/** Organisers' own variables, as keys of services: what they are called and who has them, never what they are. */
export function Variables() {
  const variables = useQuery(variablesQuery);
  return (
    <div className="flex flex-col gap-4">
      <p className="max-w-prose text-ink-soft text-sm">{text.variables.lead}</p>
      <NewVariable />
      <Loaded query={variables}>
        {(all) =>
          all.length === 0 ? (
            <EmptyState icon={KeyRound} title={text.variables.noneTitle}>
              {text.variables.noneText}
            </EmptyState>
          ) : (
            <ul className="flex flex-col gap-2">
              {all.map((variable) => (
                <Row key={`${variable.challenge_id} ${variable.name}`} variable={variable} />
              ))}
            </ul>
          )
        }
      </Loaded>
    </div>
  );
}

function Row({ variable: { name, challenge_id, used_by } }: { variable: Variable }) {
  const remove = useAction<void>({
    act: () =>
      unwrap(
        api.DELETE("/admin/api/variables/{key}", {
          params: { path: { key: name }, query: challenge_id ? { challenge: challenge_id } : {} },
        }),
      ),
    done: () => text.variables.removed(name),
    failed: text.variables.failed,
    renews: [variablesKey],
  });
  return (
    <li className="flex flex-wrap items-center gap-x-3 gap-y-1 rounded-lg border border-line p-3">
      <code className="min-w-0 break-all font-semibold">{name}</code>
      <Badge>{challenge_id ? text.variables.of(challenge_id) : text.variables.ofAll}</Badge>
      <span className="min-w-0 break-words text-ink-soft text-sm">{text.variables.usedBy(used_by)}</span>
      <Button
        look="ghost"
        size="icon"
        className="ml-auto"
        aria-label={text.variables.remove(name)}
        aria-disabled={remove.isPending || undefined}
        onClick={() => remove.mutate()}
      >
        <Trash2 aria-hidden className="size-4" />
      </Button>
    </li>
  );
}

function NewVariable() {
  const [draft, setDraft] = useState(empty);
  const save = useAction<Draft>({
    act: ({ name, value, challenge }) =>
      unwrap(api.PUT("/admin/api/variables", { body: { name, value, challenge_id: challenge } })),
    done: (_, { name }) => {
      setDraft(empty);
      return text.variables.saved(name);
    },
    failed: text.variables.failed,
    renews: [variablesKey],
  });
  function submit(event: FormEvent) {
    event.preventDefault();
    if (draft.name && !save.isPending) save.mutate(draft);
  }
  const field = (key: keyof Draft) => ({
    value: draft[key],
    onChange: (event: { target: { value: string } }) => setDraft({ ...draft, [key]: event.target.value }),
  });
  return (
    <form onSubmit={submit} className="grid items-start gap-3 rounded-xl border border-line p-4 lg:grid-cols-4">
      <Field label={text.variables.name} hint={text.variables.nameHint}>
        {(ids) => <Input {...ids} {...field("name")} required maxLength={100} />}
      </Field>
      <Field label={text.variables.value} hint={text.variables.valueHint}>
        {(ids) => <Input {...ids} {...field("value")} type="password" autoComplete="new-password" maxLength={8192} />}
      </Field>
      <Field label={text.variables.challenge} hint={text.variables.challengeHint}>
        {(ids) => <Input {...ids} {...field("challenge")} maxLength={40} />}
      </Field>
      <Button
        look="primary"
        type="submit"
        className="lg:mt-6"
        aria-disabled={!draft.name || save.isPending || undefined}
      >
        {text.variables.save}
      </Button>
    </form>
  );
}

type Draft = { name: string; value: string; challenge: string };
const empty: Draft = { name: "", value: "", challenge: "" };
