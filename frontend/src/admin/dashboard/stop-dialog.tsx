import type { AdminInstance } from "@/api/admin";
import { api, unwrap } from "@/api/client";
import { ConfirmDialog } from "@/components/ui/confirm-dialog";
import { useAction } from "../kit/action";
import { text } from "../text";
import { instancesKey } from "./queries";

type Props = { instance: AdminInstance; onClose: () => void };

/** Stops somebody's instance, once that has been confirmed. */
export function StopDialog({ instance, onClose }: Props) {
  const stop = useAction<void>({
    act: () => unwrap(api.DELETE("/admin/api/instances/{id}", { params: { path: { id: instance.id } } })),
    done: () => text.dashboard.stoppingOf(instance.id),
    failed: text.dashboard.stopFailed(instance.id),
    renews: [instancesKey],
  });
  return (
    <ConfirmDialog
      open
      title={text.dashboard.stopTitle(instance.challenge_name, instance.owner.name)}
      confirm={text.dashboard.stop}
      cancel={text.confirm.cancel}
      onConfirm={() => {
        stop.mutate();
        onClose();
      }}
      onClose={onClose}
    >
      {text.dashboard.stopText}
    </ConfirmDialog>
  );
}
