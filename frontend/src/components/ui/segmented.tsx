import { ToggleGroup } from "radix-ui";

type Props<T extends string> = {
  label: string;
  value: T;
  onChange: (value: T) => void;
  options: { value: T; label: string }[];
};

/** A choice of one among few, side by side; it takes further lines where they do not fit into one. */
export function Segmented<T extends string>({ label, value, onChange, options }: Props<T>) {
  return (
    <ToggleGroup.Root
      type="single"
      aria-label={label}
      value={value}
      // The group reports "" when the chosen one is pressed again; one is always chosen here.
      onValueChange={(next) => next && onChange(next as T)}
      className="flex min-h-11 max-w-full flex-wrap items-stretch gap-1 rounded-lg border border-line-strong bg-card p-1"
    >
      {options.map((option) => (
        <ToggleGroup.Item
          key={option.value}
          value={option.value}
          className="min-h-[2.125rem] max-w-full cursor-pointer truncate rounded-md px-3 font-semibold text-ink-soft text-sm transition-colors hover:text-ink data-[state=on]:bg-accent-ground data-[state=on]:text-accent"
        >
          {option.label}
        </ToggleGroup.Item>
      ))}
    </ToggleGroup.Root>
  );
}
