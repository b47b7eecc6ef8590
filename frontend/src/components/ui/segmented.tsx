import { useId } from "react";

type Props<T extends string> = {
  label: string;
  value: T;
  onChange: (value: T) => void;
  options: { value: T; label: string }[];
};

/** A choice of one among few, side by side; it takes further lines where they do not fit into one. */
export function Segmented<T extends string>({ label, value, onChange, options }: Props<T>) {
  const name = useId();
  return (
    <fieldset
      aria-label={label}
      className="flex min-h-11 w-fit max-w-full flex-wrap items-stretch gap-1 rounded-lg border border-line-strong bg-card p-1"
    >
      {options.map((option) => (
        <label
          key={option.value}
          className="flex min-h-[2.125rem] max-w-full cursor-pointer items-center rounded-md px-3 font-semibold text-ink-soft text-sm transition-colors hover:text-ink has-checked:bg-accent-ground has-checked:text-accent has-focus-visible:outline-2 has-focus-visible:outline-accent"
        >
          <input
            type="radio"
            name={name}
            value={option.value}
            checked={option.value === value}
            onChange={() => onChange(option.value)}
            className="sr-only"
          />
          <span className="truncate">{option.label}</span>
        </label>
      ))}
    </fieldset>
  );
}
