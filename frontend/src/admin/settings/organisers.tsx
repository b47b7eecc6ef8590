import { queryOptions, useQuery } from "@tanstack/react-query";
import { Trash2, UserRoundKey } from "lucide-react";
import { type FormEvent, useState } from "react";
import type { Organiser } from "@/api/admin";
import { api, unwrap, unwrapEmpty } from "@/api/client";
import { Badge } from "@/components/ui/badge";
import { ConfirmDialog } from "@/components/ui/confirm-dialog";
import { CopyButton } from "@/components/ui/copy-button";
import { Dialog } from "@/components/ui/dialog";
import { EmptyState } from "@/components/ui/empty-state";
import { Field, Input, Select } from "@/components/ui/field";
import { formatMoment } from "@/lib/format";
import { useAction } from "../kit/action";
import { Loaded } from "../kit/loaded";
import { Button, type Role } from "../kit/takes";
import { text } from "../text";

const organisersKey = ["admin", "organisers"] as const;

const organisersQuery = queryOptions({
  queryKey: organisersKey,
  queryFn: async ({ signal }) => (await unwrap(api.GET("/admin/api/organisers", { signal }))).organisers,
});

/** Organisers with keys of their own: who they are, what they may do, and the end of it. */
export function Organisers() {
  const organisers = useQuery(organisersQuery);
  return (
    <div className="flex flex-col gap-4">
      <p className="max-w-prose text-ink-soft text-sm">{text.organisers.lead}</p>
      <NewKey />
      <Loaded query={organisers}>
        {(all) =>
          all.length === 0 ? (
            <EmptyState icon={UserRoundKey} title={text.organisers.noneTitle}>
              {text.organisers.noneText}
            </EmptyState>
          ) : (
            <ul className="flex flex-col gap-2">
              {all.map((organiser) => (
                <Row key={organiser.id} organiser={organiser} />
              ))}
            </ul>
          )
        }
      </Loaded>
    </div>
  );
}

function Row({
  organiser: { id, name, role, created_at, created_by, revoked_at, revoked_by },
}: {
  organiser: Organiser;
}) {
  const [asking, setAsking] = useState(false);
  const revoke = useAction<void>({
    act: () => unwrapEmpty(api.DELETE("/admin/api/organisers/{id}", { params: { path: { id } } })),
    done: () => text.organisers.wasRevoked(name),
    failed: text.organisers.failed,
    renews: [organisersKey],
  });
  return (
    <li className="flex flex-wrap items-center gap-x-3 gap-y-1 rounded-lg border border-line p-3">
      <span
        className={revoked_at ? "min-w-0 break-words text-ink-soft line-through" : "min-w-0 break-words font-semibold"}
      >
        {name}
      </span>
      <Badge tone={revoked_at ? "neutral" : "accent"}>{text.role.names[role]}</Badge>
      {revoked_at && <Badge>{text.organisers.isRevoked}</Badge>}
      <span className="min-w-0 break-words text-ink-soft text-sm">
        {text.organisers.since(formatMoment(created_at), created_by)}
        {revoked_at && ` · ${text.organisers.until(formatMoment(revoked_at), revoked_by)}`}
      </span>
      {!revoked_at && (
        <Button
          look="ghost"
          size="icon"
          className="ml-auto"
          aria-label={text.organisers.revokeOf(name)}
          title={text.organisers.revokeOf(name)}
          aria-disabled={revoke.isPending || undefined}
          onClick={() => setAsking(true)}
        >
          <Trash2 aria-hidden className="size-4" />
        </Button>
      )}
      <ConfirmDialog
        open={asking}
        title={`${text.organisers.revokeOf(name)}?`}
        confirm={text.organisers.revoke}
        cancel={text.confirm.cancel}
        onConfirm={() => {
          setAsking(false);
          revoke.mutate();
        }}
        onClose={() => setAsking(false)}
      >
        {text.organisers.revokeText}
      </ConfirmDialog>
    </li>
  );
}

type Made = { name: string; key: string };

function NewKey() {
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("operator");
  const [made, setMade] = useState<Made>();
  const make = useAction({
    act: () => unwrap(api.POST("/admin/api/organisers", { body: { name: name.trim(), role } })),
    done: ({ organiser, key }) => {
      setMade({ name: organiser.name, key });
      setName("");
      return "";
    },
    failed: text.organisers.failed,
    renews: [organisersKey],
  });
  function submit(event: FormEvent) {
    event.preventDefault();
    if (name.trim() !== "" && !make.isPending) make.mutate();
  }
  return (
    <form onSubmit={submit} className="grid items-start gap-3 rounded-xl border border-line p-4 lg:grid-cols-3">
      <Field label={text.organisers.name} hint={text.organisers.nameHint}>
        {(ids) => (
          <Input {...ids} required maxLength={60} value={name} onChange={(event) => setName(event.target.value)} />
        )}
      </Field>
      <Field label={text.organisers.role} hint={text.role.are[role]}>
        {(ids) => (
          <Select {...ids} value={role} onChange={(event) => setRole(event.target.value as Role)}>
            {(Object.keys(text.role.names) as Role[]).map((one) => (
              <option key={one} value={one}>
                {text.role.names[one]}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <Button
        look="primary"
        type="submit"
        className="lg:mt-6"
        aria-disabled={name.trim() === "" || make.isPending || undefined}
      >
        {text.organisers.make}
      </Button>
      {made && <Shown made={made} onClose={() => setMade(undefined)} />}
    </form>
  );
}

/** The key, this once. */
function Shown({ made, onClose }: { made: Made; onClose: () => void }) {
  return (
    <Dialog open title={text.organisers.madeTitle(made.name)} close={text.close} onClose={onClose}>
      <p className="text-ink-soft">{text.organisers.madeText}</p>
      <div className="flex flex-wrap items-center gap-2 rounded-lg border border-line bg-ground/60 p-3">
        <code className="min-w-0 flex-1 break-all">{made.key}</code>
        <CopyButton value={made.key} what={text.organisers.madeTitle(made.name)} />
      </div>
    </Dialog>
  );
}
