import type { Snapshot } from "@/api/types";

type Listener = {
  onSnapshot: (snapshot: Snapshot) => void;
  /** Whether the stream is open now. */
  onOpen: (open: boolean) => void;
};

const firstWait = 1_000; // milliseconds
const longestWait = 20_000;

/**
 * Listens to the player's events until the returned function is called. It opens again by itself after a loss, and it
 * closes while nobody looks: a browser has six connections to a host, and a dozen forgotten tabs would use them up.
 */
export function openStream(url: string, { onSnapshot, onOpen }: Listener): () => void {
  let source: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let wait = firstWait;

  function open() {
    clearTimeout(timer);
    source?.close();
    if (document.hidden) return;
    source = new EventSource(url);
    source.addEventListener("open", () => {
      wait = firstWait;
      onOpen(true);
    });
    source.addEventListener("instances", (event) => {
      const snapshot = parse((event as MessageEvent<string>).data);
      if (snapshot) onSnapshot(snapshot);
    });
    source.addEventListener("error", () => {
      // The browser's own retries never end and have a fixed pace; ours grow and give way when the tab is hidden.
      close();
      timer = setTimeout(open, wait);
      wait = Math.min(longestWait, wait * 2);
    });
  }

  function close() {
    clearTimeout(timer);
    source?.close();
    source = undefined;
    onOpen(false);
  }

  function seen() {
    if (document.hidden) close();
    else if (!source) open();
  }

  function online() {
    wait = firstWait;
    open(); // after a change of network the old connection may be dead without a sign
  }

  document.addEventListener("visibilitychange", seen);
  window.addEventListener("online", online);
  open();
  return () => {
    document.removeEventListener("visibilitychange", seen);
    window.removeEventListener("online", online);
    close();
  };
}

function parse(data: string): Snapshot | undefined {
  try {
    return JSON.parse(data) as Snapshot;
  } catch {
    return undefined;
  }
}
