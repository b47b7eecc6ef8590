import type { ComponentProps } from "react";
import { cn } from "@/lib/cn";

/** The ground on which one thing stands. */
export function Card({ className, ...props }: ComponentProps<"article">) {
  return (
    <article
      className={cn("flex flex-col rounded-xl border border-line bg-card shadow-black/10 shadow-sm", className)}
      {...props}
    />
  );
}
