import { type ReactNode, useState } from "react";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Field, Input } from "@/components/ui/field";
import { text } from "../text";

type Props = {
  open: boolean;
  title: string;
  /** What must be typed: the name of what is lost. */
  name: string;
  confirm: string;
  onConfirm: () => void;
  onClose: () => void;
  children: ReactNode;
};

/** Asks for the name of what will be lost, so that it is not lost by a slip. */
export function TypeToConfirm({ open, title, name, confirm, onConfirm, onClose, children }: Props) {
  return (
    <Dialog open={open} title={title} close={text.confirm.cancel} onClose={onClose}>
      <Question name={name} confirm={confirm} onConfirm={onConfirm} onClose={onClose}>
        {children}
      </Question>
    </Dialog>
  );
}

function Question({ name, confirm, onConfirm, onClose, children }: Omit<Props, "open" | "title">) {
  const [typed, setTyped] = useState("");
  const right = typed.trim() === name;
  return (
    <form
      className="flex flex-col gap-4"
      onSubmit={(event) => {
        event.preventDefault();
        if (!right) return;
        onConfirm();
        onClose();
      }}
    >
      <div className="text-ink-soft">{children}</div>
      <Field label={text.confirm.type(name)}>
        {(ids) => (
          <Input
            {...ids}
            data-first
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
            className="font-mono"
          />
        )}
      </Field>
      <div className="flex flex-wrap justify-end gap-2">
        <Button onClick={onClose}>{text.confirm.cancel}</Button>
        <Button look="danger" type="submit" disabled={!right}>
          {confirm}
        </Button>
      </div>
    </form>
  );
}
