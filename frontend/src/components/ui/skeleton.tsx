import { cn } from "@/lib/cn";

/** A place that content will take. */
export function Skeleton({ className }: { className?: string }) {
  return <span aria-hidden className={cn("block animate-pulse rounded-md bg-raised", className)} />;
}
