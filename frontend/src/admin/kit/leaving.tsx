import { useBlocker } from "@tanstack/react-router";
import { ConfirmDialog } from "@/components/ui/confirm-dialog";
import { text } from "../text";

type Place = { pathname: string; search: unknown };

const viewOf = ({ search }: Place) => (search as { view?: string }).view;

/** Asks before edits that are not saved are left behind: by a link, the browser's buttons, another view of the page, or a reload. */
export function AskBeforeLeaving({ dirty }: { dirty: boolean }) {
  const blocker = useBlocker({
    shouldBlockFn: ({ current, next }) =>
      dirty && (current.pathname !== next.pathname || viewOf(current) !== viewOf(next)),
    enableBeforeUnload: dirty,
    withResolver: true,
  });
  return (
    <ConfirmDialog
      open={blocker.status === "blocked"}
      title={text.leaving.title}
      confirm={text.leaving.leave}
      cancel={text.leaving.stay}
      onConfirm={() => blocker.proceed?.()}
      onClose={() => blocker.reset?.()}
    >
      {text.leaving.text}
    </ConfirmDialog>
  );
}
