type Listener<T> = {
  /** The name of the events that are listened to. */
  event: string;
  onData: (data: T) => void;
  /** Whether the stream is open now. */
  onOpen: (open: boolean) => void;
};

const firstWait = 1_000; // milliseconds
const longestWait = 20_000;
const waitWhenReplaced = 120_000; // somebody has that many pages open: this one is not the one they look at

/**
 * Listens to server-sent events, whose data are JSON, until the returned function is called. It opens again by itself after a loss, and it
 * closes while nobody looks: a browser has six connections to a host, and a dozen forgotten tabs would use them up.
 */
export function openStream<T>(url: string, { event: name, onData, onOpen }: Listener<T>): () => void {
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
    source.addEventListener(name, (event) => {
      const data = parse<T>((event as MessageEvent<string>).data);
      if (data !== undefined) onData(data);
    });
    source.addEventListener("replaced", () => {
      close();
      timer = setTimeout(open, waitWhenReplaced);
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

function parse<T>(data: string): T | undefined {
  try {
    return JSON.parse(data) as T;
  } catch {
    return undefined;
  }
}
