import { TriangleAlert, X } from "lucide-react";
import type { ReactNode } from "react";
import { Button } from "./button";

type Props = { children: ReactNode; onDismiss?: () => void; dismiss?: string };

/** Something went wrong, said where it happened. */
export function Notice({ children, onDismiss, dismiss }: Props) {
  return (
    <div role="alert" className="flex items-start gap-2 rounded-lg border border-bad/40 bg-bad-ground p-2 text-sm">
      <TriangleAlert aria-hidden className="mt-1 ml-1 size-4 shrink-0 text-bad" />
      <div className="min-w-0 flex-1 self-center break-words py-0.5">{children}</div>
      {onDismiss && (
        <Button look="ghost" size="icon" aria-label={dismiss} className="-my-1" onClick={onDismiss}>
          <X aria-hidden className="size-4" />
        </Button>
      )}
    </div>
  );
}
