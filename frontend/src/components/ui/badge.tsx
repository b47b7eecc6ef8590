import type { ReactNode } from "react";
import { cn } from "@/lib/cn";

const tones = {
  neutral: "border-line bg-raised text-ink-soft",
  accent: "border-accent-line bg-accent-ground text-accent",
  good: "border-good/40 bg-good-ground text-good",
  busy: "border-busy/40 bg-busy-ground text-busy",
  bad: "border-bad/40 bg-bad-ground text-bad",
};

/** What a colour means. */
export type Tone = keyof typeof tones;

/** A state in a word; `pulse` says that it will change by itself. */
export function Badge({ tone = "neutral", pulse, children }: { tone?: Tone; pulse?: boolean; children: ReactNode }) {
  return (
    <span
      className={cn(
        "inline-flex h-6 shrink-0 items-center gap-1.5 whitespace-nowrap rounded-full border px-2.5 font-semibold text-xs",
        tones[tone],
      )}
    >
      <span aria-hidden className={cn("size-1.5 rounded-full bg-current", pulse && "animate-pulse")} />
      {children}
    </span>
  );
}
