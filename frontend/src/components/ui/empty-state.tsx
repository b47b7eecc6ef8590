import type { LucideIcon } from "lucide-react";
import type { ReactNode } from "react";

type Props = {
  icon: LucideIcon;
  title: string;
  children: ReactNode;
  action?: ReactNode;
  alert?: boolean;
  heading?: "h1" | "h2";
};

/** What stands where content would be: nothing yet, nothing found, an error (`alert`), or all of a page (`h1`). */
export function EmptyState({ icon: Icon, title, children, action, alert, heading: Heading = "h2" }: Props) {
  return (
    <div
      role={alert ? "alert" : undefined}
      className="flex flex-col items-center gap-3 rounded-xl border border-line border-dashed bg-card/60 px-6 py-14 text-center"
    >
      <Icon aria-hidden className="size-9 text-accent" strokeWidth={1.5} />
      <Heading className="font-display font-semibold text-xl">{title}</Heading>
      <div className="max-w-prose text-ink-soft">{children}</div>
      {action}
    </div>
  );
}
