import { useMutation, useQueryClient } from "@tanstack/react-query";
import { ArrowRight } from "lucide-react";
import { useState } from "react";
import type { Setting } from "@/api/admin";
import { api, unwrap } from "@/api/client";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Notice } from "@/components/ui/notice";
import { toast } from "@/components/ui/toast";
import { ProblemText } from "../kit/loaded";
import { text } from "../text";
import { type Draft, shown } from "./draft";
import { settingsKey, settingsQuery } from "./queries";

type Props = { settings: Setting[]; draft: Draft; faulty: boolean; onSaved: () => void; onUndo: () => void };

/** How many changes wait, and the way to look at them before they are saved. Nothing moves when it comes or goes. */
export function SaveBar({ settings, draft, faulty, onSaved, onUndo }: Props) {
  const [open, setOpen] = useState(false);
  const client = useQueryClient();
  const edited = settings.filter((setting) => setting.name in draft);
  const save = useMutation({
    mutationFn: () => unwrap(api.PUT("/admin/api/settings", { body: { settings: draft } })),
    onSuccess: (answer) => {
      client.setQueryData(settingsQuery.queryKey, answer.settings);
      toast.done(text.settings.saved(edited.length));
      setOpen(false);
      onSaved();
      return client.invalidateQueries({ queryKey: settingsKey });
    },
  });

  if (edited.length === 0) return null;
  return (
    <>
      <div role="status" className="fixed inset-x-0 bottom-0 z-10 border-line-strong border-t bg-card p-3">
        <div className="mx-auto flex max-w-[96rem] flex-wrap items-center justify-end gap-3 px-1">
          <p className="mr-auto text-sm">{text.settings.waiting(edited.length)}</p>
          <Button onClick={onUndo}>{text.settings.undoAll}</Button>
          <Button look="primary" disabled={faulty} onClick={() => setOpen(true)}>
            {text.settings.review}
          </Button>
        </div>
      </div>
      <Dialog
        open={open}
        title={text.settings.reviewTitle(edited.length)}
        close={text.close}
        onClose={() => {
          setOpen(false);
          save.reset();
        }}
      >
        <ul className="flex flex-col gap-2">
          {edited.map((setting) => (
            <li key={setting.name} className="rounded-lg border border-line bg-ground/60 p-3">
              <p className="break-all font-mono text-sm">{setting.name}</p>
              <p className="mt-1 flex flex-wrap items-center gap-2 font-mono text-sm">
                <del className="break-all rounded bg-bad-ground px-1.5 text-bad no-underline">
                  <span className="sr-only">{text.settings.before} </span>
                  {setting.type === "secret" ? text.settings.hidden : shown(setting.value, text.settings.empty)}
                </del>
                <ArrowRight aria-hidden className="size-4 shrink-0 text-ink-soft" />
                <ins className="break-all rounded bg-good-ground px-1.5 text-good no-underline">
                  <span className="sr-only">{text.settings.after} </span>
                  {setting.type === "secret"
                    ? text.settings.hidden
                    : shown(draft[setting.name] ?? "", text.settings.empty)}
                </ins>
              </p>
            </li>
          ))}
        </ul>
        {save.isError && (
          <Notice>
            <ProblemText cause={save.error} />
          </Notice>
        )}
        <div className="flex flex-wrap justify-end gap-2">
          <Button onClick={() => setOpen(false)}>{text.confirm.cancel}</Button>
          <Button
            look="primary"
            aria-disabled={save.isPending || undefined}
            onClick={() => !save.isPending && save.mutate()}
          >
            {text.settings.save}
          </Button>
        </div>
      </Dialog>
    </>
  );
}
