import { CheckCircle2, TriangleAlert, X } from "lucide-react";
import { useSyncExternalStore } from "react";
import { cn } from "@/lib/cn";
import { Button } from "./button";

type Toast = { id: number; tone: "good" | "bad"; title: string; detail: string };

const shownFor = 6_000; // milliseconds; errors stay until they are dismissed
let toasts: Toast[] = [];
let last = 0;
const listeners = new Set<() => void>();

function put(next: Toast[]) {
  toasts = next;
  for (const listener of listeners) listener();
}

function add(tone: Toast["tone"], title: string, detail: string) {
  const id = ++last;
  put([...toasts, { id, tone, title, detail }].slice(-4));
  if (tone === "good") setTimeout(() => dismiss(id), shownFor);
}

function dismiss(id: number) {
  put(toasts.filter((toast) => toast.id !== id));
}

/** Says what became of an action whose place on the page may be gone. */
export const toast = {
  done: (title: string, detail = "") => add("good", title, detail),
  failed: (title: string, detail = "") => add("bad", title, detail),
  clear: () => put([]),
};

function subscribe(listener: () => void) {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** Where toasts appear. Use it once a page. */
export function Toaster({ close }: { close: string }) {
  const shown = useSyncExternalStore(subscribe, () => toasts);
  return (
    <div role="status" className="pointer-events-none fixed inset-x-0 bottom-0 z-20 flex flex-col items-end gap-2 p-3">
      {shown.map(({ id, tone, title, detail }) => (
        <div
          key={id}
          className={cn(
            "pointer-events-auto flex w-full max-w-md items-start gap-2 rounded-lg border p-2 pl-3 text-sm shadow-lg",
            tone === "good" ? "border-good/40 bg-good-ground" : "border-bad/40 bg-bad-ground",
          )}
        >
          {tone === "good" ? (
            <CheckCircle2 aria-hidden className="mt-2.5 size-4 shrink-0 text-good" />
          ) : (
            <TriangleAlert aria-hidden className="mt-2.5 size-4 shrink-0 text-bad" />
          )}
          <div className="min-w-0 flex-1 self-center break-words py-1">
            <p className="font-semibold">{title}</p>
            {detail !== "" && <p className="text-ink-soft">{detail}</p>}
          </div>
          <Button look="ghost" size="icon" aria-label={close} onClick={() => dismiss(id)}>
            <X aria-hidden className="size-4" />
          </Button>
        </div>
      ))}
    </div>
  );
}
