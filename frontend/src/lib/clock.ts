import { useSyncExternalStore } from "react";

/**
 * The server's time. Countdowns are drawn from it, so a wrong clock in the browser changes nothing, and all of them
 * tick together.
 */
let offset = 0;
let tick = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;
const listeners = new Set<() => void>();

/** Learns the server's time from an answer that has just arrived. */
export function setServerTime(now: string): void {
  const server = Date.parse(now);
  if (!Number.isNaN(server)) offset = server - Date.now();
}

/** The server's time, Unix milliseconds. */
export function serverNow(): number {
  return Date.now() + offset;
}

function beat() {
  tick = Date.now();
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  if (!timer) {
    tick = Date.now();
    timer = setInterval(beat, 1000);
  }
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

/** The server's time, Unix milliseconds, renewed once a second. */
export function useServerNow(): number {
  return useSyncExternalStore(subscribe, () => tick) + offset;
}
