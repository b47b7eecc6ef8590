import { Lock, LockOpen } from "lucide-react";
import { useState } from "react";
import type { AdminChallenge } from "@/api/admin";
import { api, unwrap } from "@/api/client";
import { ConfirmDialog } from "@/components/ui/confirm-dialog";
import { Field, Select } from "@/components/ui/field";
import { useAction } from "../kit/action";
import { Button } from "../kit/takes";
import { text } from "../text";
import { challengesKey } from "./queries";

/** Opens or closes all challenges of a category for players. */
export function Categories({ challenges }: { challenges: AdminChallenge[] }) {
  const [category, setCategory] = useState("");
  const [open, setOpen] = useState<boolean>();
  const names = [...new Set(challenges.map((one) => one.category))].filter(Boolean).sort();
  const members = challenges.filter((one) => one.category === category);
  const toggle = useAction<boolean>({
    act: async (active) => {
      for (const { id } of members.filter((one) => one.active !== active)) {
        await unwrap(api.POST("/admin/api/challenges/{id}/toggle", { params: { path: { id } }, body: { active } }));
      }
    },
    done: (_, active) => text.categories.done(category, active),
    failed: text.categories.failed,
    renews: [challengesKey],
  });
  if (names.length === 0) return null;
  return (
    <div className="flex flex-wrap items-end gap-2">
      <Field label={text.categories.label} className="min-w-0 flex-[1_1_10rem] sm:max-w-60">
        {(ids) => (
          <Select {...ids} value={category} onChange={({ target }) => setCategory(target.value)}>
            <option value="">{text.none}</option>
            {names.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </Select>
        )}
      </Field>
      {[true, false].map((active) => {
        const count = members.filter((one) => one.active !== active).length;
        const Icon = active ? LockOpen : Lock;
        return (
          <Button
            takes="operator"
            key={String(active)}
            disabled={count === 0 || toggle.isPending}
            onClick={() => setOpen(active)}
          >
            <Icon aria-hidden className="size-4" /> {text.categories.act(count, active)}
          </Button>
        );
      })}
      <ConfirmDialog
        open={open !== undefined}
        title={text.categories.title(category, open ?? false)}
        confirm={text.categories.confirm(open ?? false)}
        cancel={text.confirm.cancel}
        onConfirm={() => {
          if (open !== undefined) toggle.mutate(open);
          setOpen(undefined);
        }}
        onClose={() => setOpen(undefined)}
      >
        {members
          .filter((one) => one.active !== open)
          .map(({ name }) => name)
          .join(", ")}
      </ConfirmDialog>
    </div>
  );
}
