import { type ComponentProps, type ReactNode, useId } from "react";
import { cn } from "@/lib/cn";

const box =
  "w-full min-w-0 rounded-lg border border-line-strong bg-card px-3 text-ink placeholder:text-ink-soft disabled:cursor-not-allowed disabled:bg-raised disabled:text-ink-soft aria-invalid:border-bad";

/** A line of text to fill in. */
export function Input({ className, ...props }: ComponentProps<"input">) {
  return <input autoComplete="off" spellCheck={false} className={cn(box, "h-10", className)} {...props} />;
}

/** Several lines of text to fill in. */
export function Textarea({ className, ...props }: ComponentProps<"textarea">) {
  return <textarea spellCheck={false} className={cn(box, "min-h-24 py-2", className)} {...props} />;
}

/** A choice of one. It is the browser's own: it works by touch and keyboard everywhere. */
export function Select({ className, ...props }: ComponentProps<"select">) {
  return <select className={cn(box, "h-10 cursor-pointer pr-8", className)} {...props} />;
}

type FieldProps = {
  label: string;
  /** What is right to fill in. */
  hint?: ReactNode;
  /** Why what stands there is not right. */
  error?: string | undefined;
  className?: string;
  children: (ids: {
    id: string;
    "aria-describedby": string | undefined;
    "aria-invalid": boolean | undefined;
  }) => ReactNode;
};

/** A control with its name, its hint and its error. */
export function Field({ label, hint, error, className, children }: FieldProps) {
  const id = useId();
  return (
    <div className={cn("flex min-w-0 flex-col gap-1", className)}>
      <label htmlFor={id} className="font-semibold text-sm">
        {label}
      </label>
      {children({
        id,
        "aria-describedby": hint || error ? `${id}-hint` : undefined,
        "aria-invalid": error ? true : undefined,
      })}
      {(hint || error) && (
        <p id={`${id}-hint`} className={cn("break-words text-xs", error ? "text-bad" : "text-ink-soft")}>
          {error ?? hint}
        </p>
      )}
    </div>
  );
}

type SwitchProps = {
  label: string;
  checked: boolean;
  disabled?: boolean;
  onChange: (checked: boolean) => void;
  id?: string;
};

/** On or off, at once. */
export function Switch({ label, checked, disabled, onChange, id }: SwitchProps) {
  return (
    <button
      id={id}
      type="button"
      role="switch"
      aria-checked={checked}
      aria-label={label}
      disabled={disabled}
      onClick={() => onChange(!checked)}
      className={cn(
        "relative h-6 w-11 shrink-0 cursor-pointer rounded-full border transition-colors disabled:cursor-not-allowed disabled:opacity-60",
        checked ? "border-accent bg-button" : "border-line-strong bg-raised",
      )}
    >
      <span
        aria-hidden
        className={cn(
          "absolute top-0.5 left-0.5 size-[1.125rem] rounded-full transition-transform",
          checked ? "translate-x-5 bg-button-ink" : "bg-line-strong",
        )}
      />
    </button>
  );
}
