import { useQueryClient } from "@tanstack/react-query";
import type { AdminChallenge } from "@/api/admin";
import { api, unwrap } from "@/api/client";
import { useAction } from "../kit/action";
import { text } from "../text";
import { draftsKey } from "./draft-queries";
import { challengesKey, receiveChallenge } from "./queries";

/** Opens a challenge for players, or closes it. */
export function useToggle() {
  const client = useQueryClient();
  return useAction<AdminChallenge>({
    act: async ({ id, active }) =>
      receiveChallenge(
        client,
        await unwrap(
          api.POST("/admin/api/challenges/{id}/toggle", { params: { path: { id } }, body: { active: !active } }),
        ),
      ),
    done: (_, { name, active }) => (active ? text.challenges.wasClosed(name) : text.challenges.wasOpened(name)),
    failed: text.challenges.toggleFailed,
    renews: [challengesKey],
  });
}

/** Loads a challenge's folder again. */
export function useReload() {
  const client = useQueryClient();
  return useAction<AdminChallenge>({
    act: async ({ id }) =>
      receiveChallenge(
        client,
        await unwrap(api.POST("/admin/api/challenges/{id}/reload", { params: { path: { id } } })),
      ),
    done: (_, { name }) => text.challenges.wasReloaded(name),
    failed: text.challenges.reloadFailed,
    renews: [challengesKey, draftsKey],
  });
}
