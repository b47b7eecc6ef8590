import { createContext, type ReactNode, useContext, useEffect, useRef, useState } from "react";
import type { AdminEvent } from "@/api/admin";
import { Badge } from "@/components/ui/badge";
import { openStream } from "@/lib/stream";
import { text } from "../text";

type Listener = (event: AdminEvent) => void;

type Live = { open: boolean; listen: (listener: Listener) => () => void };

const Context = createContext<Live>({ open: false, listen: () => () => {} });

/** Listens to all events, once for the whole panel and while an admin is signed in: a browser has few connections to a host. */
export function LiveProvider({ on, children }: { on: boolean; children: ReactNode }) {
  const listeners = useRef(new Set<Listener>());
  const [open, setOpen] = useState(false);

  useEffect(() => {
    if (!on) return;
    return openStream<AdminEvent>("/admin/api/events", {
      event: "event",
      onData: (event) => {
        for (const listener of listeners.current) listener(event);
      },
      onOpen: setOpen,
    });
  }, [on]);

  function listen(listener: Listener) {
    listeners.current.add(listener);
    return () => void listeners.current.delete(listener);
  }

  return <Context value={{ open, listen }}>{children}</Context>;
}

/** Whether events arrive as they happen. */
export function useIsLive(): boolean {
  return useContext(Context).open;
}

/** Calls a function at each event, for as long as the component is there. */
export function useEvents(listener: Listener): void {
  const { listen } = useContext(Context);
  const latest = useRef(listener);
  useEffect(() => {
    latest.current = listener;
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: listen is another function at each drawing of the provider
  useEffect(() => listen((event) => latest.current(event)), []);
}

/** Calls a function after events, at most once in a while: a busy minute has hundreds of them. */
export function useAfterEvents(wanted: (event: AdminEvent) => boolean, act: () => void, pause = 1_000): void {
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEvents((event) => {
    if (timer.current || !wanted(event)) return;
    timer.current = setTimeout(() => {
      timer.current = undefined;
      act();
    }, pause);
  });
  useEffect(() => () => clearTimeout(timer.current), []);
}

/** Whether what the panel shows is up to date. */
export function LiveBadge() {
  const open = useIsLive();
  return (
    <span title={open ? text.live.onHint : text.live.offHint}>
      <Badge tone={open ? "good" : "busy"} pulse={!open}>
        {open ? text.live.on : text.live.off}
      </Badge>
    </span>
  );
}
