import { X } from "lucide-react";
import { type ReactNode, useEffect, useId, useRef } from "react";
import { cn } from "@/lib/cn";
import { Button } from "./button";

type Props = {
  open: boolean;
  title: string;
  /** The name of the button that closes it. */
  close: string;
  onClose: () => void;
  wide?: boolean;
  children: ReactNode;
};

/**
 * Something to look at or to fill in before going on. Like ConfirmDialog it is the browser's own, which needs no style
 * element; its content exists while it is open only. The focus begins at what has data-first, else at the button.
 */
export function Dialog({ open, title, close, onClose, wide, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();

  useEffect(() => {
    if (open && !dialog.current?.open) {
      dialog.current?.showModal(); // which takes the focus to the first button
      dialog.current?.querySelector<HTMLElement>("[data-first]")?.focus();
    }
    if (!open && dialog.current?.open) dialog.current.close();
  }, [open]);

  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: a click beside the dialog closes it; Escape does it by keyboard
    <dialog
      ref={dialog}
      aria-labelledby={id}
      onClose={onClose}
      onClick={(event) => event.target === event.currentTarget && onClose()}
      className={cn(
        "m-auto max-h-[calc(100dvh-2rem)] rounded-xl border border-line-strong bg-card text-ink",
        wide ? "w-[min(72rem,calc(100vw-1rem))]" : "w-[min(34rem,calc(100vw-1rem))]",
      )}
    >
      {open && (
        <div className="flex flex-col gap-4 p-4 sm:p-5">
          <div className="flex items-start justify-between gap-3">
            <h2 id={id} className="min-w-0 break-words pt-1 font-display font-semibold text-xl">
              {title}
            </h2>
            <Button look="ghost" size="icon" aria-label={close} onClick={onClose}>
              <X aria-hidden className="size-4" />
            </Button>
          </div>
          {children}
        </div>
      )}
    </dialog>
  );
}
