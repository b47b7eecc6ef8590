import { ToggleGroup } from "radix-ui";

type Props<T extends string> = {
  label: string;
  value: T;
  onChange: (value: T) => void;
  options: { value: T; label: string }[];
};

/** A choice of one among few, side by side. */
export function Segmented<T extends string>({ label, value, onChange, options }: Props<T>) {
  return (
    <ToggleGroup.Root
      type="single"
      aria-label={label}
      value={value}
      // The group reports "" when the chosen one is pressed again; one is always chosen here.
      onValueChange={(next) => next && onChange(next as T)}
      className="flex h-11 shrink-0 items-stretch gap-1 rounded-lg border border-line-strong bg-card p-1"
    >
      {options.map((option) => (
        <ToggleGroup.Item
          key={option.value}
          value={option.value}
          className="cursor-pointer whitespace-nowrap rounded-md px-3 font-semibold text-ink-soft text-sm tabular-nums transition-colors hover:text-ink data-[state=on]:bg-accent-ground data-[state=on]:text-accent"
        >
          {option.label}
        </ToggleGroup.Item>
      ))}
    </ToggleGroup.Root>
  );
}
