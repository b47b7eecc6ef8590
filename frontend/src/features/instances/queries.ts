import { type QueryClient, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";
import type { Instance, Snapshot } from "@/api/types";
import { setServerTime } from "@/lib/clock";

const key = ["instances"] as const;

/** The player's own instances and the server's time they are from. */
export function instancesQuery(client: QueryClient) {
  return queryOptions({
    queryKey: key,
    queryFn: async ({ signal }) => {
      const fetched = await unwrap(api.GET("/instances", { signal }));
      return accept(client.getQueryData<Snapshot>(key), fetched);
    },
    retry: false, // it is asked again in a moment anyway, and a failure is what shows that we are offline
  });
}

/** Takes a snapshot that the event stream brought. */
export function receiveSnapshot(client: QueryClient, snapshot: Snapshot): void {
  client.setQueryData<Snapshot>(key, (known) => accept(known, snapshot));
}

/** Looks again now. */
export function refreshInstances(client: QueryClient): Promise<void> {
  return client.invalidateQueries({ queryKey: key });
}

/** Answers may overtake each other: an older snapshot never replaces a newer one. */
function accept(known: Snapshot | undefined, next: Snapshot): Snapshot {
  if (known && Date.parse(next.now) < Date.parse(known.now)) return known;
  setServerTime(next.now);
  return next;
}

/** Puts the answer to a player's own action into what is shown, without waiting for the next snapshot. */
function upsert(client: QueryClient, instance: Instance): void {
  client.setQueryData<Snapshot>(key, (known) => {
    if (!known) return known;
    const others = known.instances.filter((other) => other.challenge_id !== instance.challenge_id);
    return { ...known, instances: [...others, instance] };
  });
}

function useInstanceAction<T>(act: (argument: T) => Promise<Instance>) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: act,
    onSuccess: (instance) => upsert(client, instance),
    onSettled: () => refreshInstances(client),
  });
}

/** Starts a copy of a challenge, given its id. */
export function useSpawn() {
  return useInstanceAction((challenge: string) =>
    unwrap(api.POST("/instances/spawn", { body: { challenge_id: challenge } })),
  );
}

/** Stops an instance, given its id. */
export function useStop() {
  return useInstanceAction((id: string) => unwrap(api.DELETE("/instances/{id}", { params: { path: { id } } })));
}

/** Extends an instance by its challenge's step, given its id. */
export function useExtend() {
  return useInstanceAction((id: string) => unwrap(api.POST("/instances/{id}/extend", { params: { path: { id } } })));
}

/** Starts an instance anew, given its id: what the player changed in it is gone. */
export function useRestart() {
  return useInstanceAction((id: string) => unwrap(api.POST("/instances/{id}/restart", { params: { path: { id } } })));
}
