import { type ReactNode, useEffect, useId, useRef } from "react";
import { Button } from "./button";

type Props = {
  open: boolean;
  title: string;
  confirm: string;
  cancel: string;
  onConfirm: () => void;
  onClose: () => void;
  children: ReactNode;
};

/**
 * Asks before something is lost. It is the browser's own modal dialog: it keeps the focus, closes on Escape and gives
 * the focus back without adding a style element, which the Content-Security-Policy would refuse.
 */
export function ConfirmDialog({ open, title, confirm, cancel, onConfirm, onClose, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();

  useEffect(() => {
    if (open && !dialog.current?.open) dialog.current?.showModal();
    if (!open && dialog.current?.open) dialog.current.close();
  }, [open]);

  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: a click beside the dialog closes it; Escape does it by keyboard
    <dialog
      ref={dialog}
      role="alertdialog"
      aria-labelledby={`${id}-title`}
      aria-describedby={`${id}-text`}
      onClose={onClose}
      onClick={(event) => event.target === event.currentTarget && onClose()}
      className="m-auto w-[min(28rem,calc(100vw-2rem))] rounded-xl border border-line-strong bg-card text-ink"
    >
      {open && (
        <div className="flex flex-col gap-4 p-5">
          <h2 id={`${id}-title`} className="break-words font-display font-semibold text-xl">
            {title}
          </h2>
          <div id={`${id}-text`} className="text-ink-soft">
            {children}
          </div>
          <div className="flex flex-wrap justify-end gap-2">
            <Button autoFocus onClick={onClose}>
              {cancel}
            </Button>
            <Button look="danger" onClick={onConfirm}>
              {confirm}
            </Button>
          </div>
        </div>
      )}
    </dialog>
  );
}
