import { cn } from "@/lib/cn";
import { text } from "@/lib/text";

type Props = {
  /** The owner's live instances. */
  used: number;
  /** How many there may be; 0: no limit. */
  most: number;
};

/** How many of the allowed instances are in use, such as "2 of 3 running". */
export function Quota({ used, most }: Props) {
  if (most <= 0) return <p className="text-ink-soft text-sm tabular-nums">{text.quota.unlimited(used)}</p>;
  const full = used >= most;
  return (
    <div className="flex min-w-40 flex-col gap-1">
      <p className="text-sm tabular-nums">
        {text.quota.used(used, most)}
        {full && <span className="text-ink-soft"> · {text.quota.full}</span>}
      </p>
      <meter
        aria-label={text.quota.label}
        min={0}
        max={most}
        value={Math.min(used, most)}
        className={cn("quota h-1.5 w-full", full && "quota-full")}
      >
        {text.quota.used(used, most)}
      </meter>
    </div>
  );
}
