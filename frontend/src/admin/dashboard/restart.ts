import type { AdminInstance } from "@/api/admin";
import { api, unwrap } from "@/api/client";
import { useAction } from "../kit/action";
import { text } from "../text";
import { instancesKey } from "./queries";

/** Starts an owner's instance anew. */
export function useRestart() {
  return useAction<AdminInstance, AdminInstance>({
    act: ({ id }) => unwrap(api.POST("/admin/api/instances/{id}/restart", { params: { path: { id } } })),
    done: ({ challenge_name, owner }) => text.dashboard.restarted(challenge_name, owner.name),
    failed: text.dashboard.restartFailed,
    renews: [instancesKey],
  });
}

/** Gives an owner's running instance one step more. */
export function useExtend() {
  return useAction<AdminInstance, AdminInstance>({
    act: ({ id }) => unwrap(api.POST("/admin/api/instances/{id}/extend", { params: { path: { id } } })),
    done: ({ challenge_name, owner }) => text.dashboard.extended(challenge_name, owner.name),
    failed: text.dashboard.extendFailed,
    renews: [instancesKey],
  });
}
