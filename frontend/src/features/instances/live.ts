import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Problem } from "@/api/client";
import type { Instance, Snapshot } from "@/api/types";
import { openStream } from "@/lib/stream";
import { instancesQuery, receiveSnapshot, refreshInstances } from "./queries";

const pollEvery = 4_000; // milliseconds
const pollWhileLive = 60_000; // the stream is the source; this only mends what it may have missed

/** How news reach the page: by the event stream, by asking every few seconds, or not at all. */
export type Link = "live" | "polling" | "offline";

/** What the page knows of the player's instances, and how fresh that is. */
export type Live = {
  link: Link;
  /** By challenge id; undefined before the first answer. */
  instances: Map<string, Instance> | undefined;
  /** When the last answer arrived, Unix milliseconds by the browser's clock. */
  updatedAt: number;
};

/** The player's instances, kept up to date for as long as the page is open. Use it once a page. */
export function useLive(): Live {
  const client = useQueryClient();
  const [streaming, setStreaming] = useState(false);

  useEffect(() => {
    const closeStream = openStream<Snapshot>("/events", {
      event: "instances",
      onData: (snapshot) => receiveSnapshot(client, snapshot),
      onOpen: setStreaming,
    });
    const look = () => void refreshInstances(client);
    window.addEventListener("offline", look);
    window.addEventListener("online", look);
    return () => {
      closeStream();
      window.removeEventListener("offline", look);
      window.removeEventListener("online", look);
    };
  }, [client]);

  const { data, error, dataUpdatedAt } = useQuery({
    ...instancesQuery(client),
    refetchInterval: (query) => (streaming && !query.state.error ? pollWhileLive : pollEvery),
  });

  // Only a failed request says offline: navigator.onLine is false on a laptop without a network whose sidecar runs
  // on the laptop itself.
  const unreachable = error instanceof Problem && (error.status === 0 || error.status >= 502);
  return {
    link: unreachable ? "offline" : streaming ? "live" : "polling",
    instances: data && new Map(data.instances.map((instance) => [instance.challenge_id, instance])),
    updatedAt: dataUpdatedAt,
  };
}
