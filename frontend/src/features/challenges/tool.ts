import { useSyncExternalStore } from "react";

const key = "whaley-tool";
const listeners = new Set<() => void>();
let here: string | undefined; // chosen on this page, for where storage is forbidden

function read(): string {
  if (here !== undefined) return here;
  try {
    return localStorage.getItem(key) ?? "";
  } catch {
    return "";
  }
}

function choose(tool: string) {
  here = tool;
  try {
    localStorage.setItem(key, tool);
  } catch {
    // then it holds for this page
  }
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void) {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** The tool that the player connects with, on every card; it is remembered in this browser. */
export function useTool(): [string, (tool: string) => void] {
  return [useSyncExternalStore(subscribe, read), choose];
}
