import type { AdminInstance } from "@/api/admin";
import { api, unwrap } from "@/api/client";
import { useAction } from "../kit/action";
import { TypeToConfirm } from "../kit/type-to-confirm";
import { text } from "../text";
import { instancesKey } from "./queries";

type Props = { instance: AdminInstance; onClose: () => void };

/** Stops somebody's instance, once its challenge's id has been typed. */
export function StopDialog({ instance, onClose }: Props) {
  const stop = useAction<void>({
    act: () => unwrap(api.DELETE("/admin/api/instances/{id}", { params: { path: { id: instance.id } } })),
    done: () => text.dashboard.stoppingOf(instance.id),
    failed: text.dashboard.stopFailed(instance.id),
    renews: [instancesKey],
  });
  return (
    <TypeToConfirm
      open
      title={text.dashboard.stopTitle(instance.challenge_name, instance.owner.name)}
      name={instance.challenge_id}
      confirm={text.dashboard.stop}
      onConfirm={() => stop.mutate()}
      onClose={onClose}
    >
      {text.dashboard.stopText}
    </TypeToConfirm>
  );
}
