import type { ReactNode } from "react";
import { Field, Input, Select } from "@/components/ui/field";
import { SearchField } from "@/components/ui/search-field";
import { text } from "../text";
import { useFilters, useTypedFilter } from "./filters";

/** What narrows a list down, side by side, and what can be done with all of it at the end. */
export function FilterBar({ children, actions }: { children: ReactNode; actions?: ReactNode }) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: browsers from before 2023 do not know <search>
    <div role="search" className="flex flex-wrap items-end gap-3">
      {children}
      {actions && <div className="ml-auto flex flex-wrap justify-end gap-2">{actions}</div>}
    </div>
  );
}

type Props = { name: string; label: string };

const narrow = "min-w-0 flex-[1_1_7.5rem] sm:max-w-60";

/** Words to search for; they have a line of their own. */
export function SearchFilter({ name, label }: Props) {
  const [words, setWords] = useTypedFilter(name);
  return (
    <div className="flex min-w-0 flex-[1_1_100%]">
      <SearchField label={label} placeholder={label} clear={text.search.clear} value={words} onChange={setWords} />
    </div>
  );
}

/** A value that must be exactly so. */
export function TextFilter({ name, label }: Props) {
  const [value, setValue] = useTypedFilter(name);
  return (
    <Field label={label} className={narrow}>
      {(ids) => <Input {...ids} value={value} onChange={(event) => setValue(event.target.value)} />}
    </Field>
  );
}

/** A moment, in the browser's time zone. */
export function MomentFilter({ name, label }: Props) {
  const [value, setValue] = useTypedFilter(name);
  return (
    <Field label={label} className="min-w-0 flex-[1_1_13.5rem] sm:max-w-60">
      {(ids) => (
        <Input {...ids} type="datetime-local" value={value} onChange={(event) => setValue(event.target.value)} />
      )}
    </Field>
  );
}

/** One value and its name. */
export type Choice = { value: string; label: string };

/** One of several values. The first of them is what holds without a choice, and is not in the address. */
export function ChoiceFilter({ name, label, choices }: Props & { choices: [Choice, ...Choice[]] }) {
  const [filters, setFilters] = useFilters();
  const [first] = choices;
  return (
    <Field label={label} className={narrow}>
      {(ids) => (
        <Select
          {...ids}
          value={filters[name] ?? first.value}
          onChange={({ target: { value } }) => setFilters({ [name]: value === first.value ? undefined : value })}
        >
          {choices.map((choice) => (
            <option key={choice.value} value={choice.value}>
              {choice.label}
            </option>
          ))}
        </Select>
      )}
    </Field>
  );
}

/** The choice of all, to begin choices with. */
export const everything: Choice = { value: "", label: text.all };
