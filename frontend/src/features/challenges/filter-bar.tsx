import { CircleCheck } from "lucide-react";
import type { Challenge } from "@/api/types";
import { Button } from "@/components/ui/button";
import { SearchField } from "@/components/ui/search-field";
import { Segmented } from "@/components/ui/segmented";
import { text } from "@/lib/text";
import type { Density } from "./density";
import { type Filter, groupByCategory } from "./filter";

const all = "*"; // not "", which the choice reports when nothing is chosen

type Props = {
  challenges: Challenge[];
  found: number;
  filter: Filter;
  onChange: (filter: Filter) => void;
  density: Density;
  onDensity: (density: Density) => void;
  /** How many are solved; where none is there is nothing to hide. */
  solved: number;
  hideSolved: boolean;
  onHideSolved: (hide: boolean) => void;
};

/** Search by words and choice of a category. */
export function FilterBar({ challenges, found, filter, onChange, density, onDensity, ...marks }: Props) {
  const categories = groupByCategory(challenges).map((group) => group.category);
  return (
    // biome-ignore lint/a11y/useSemanticElements: browsers from before 2023 do not know <search>
    <div role="search" className="flex flex-wrap items-center gap-3">
      <div className="flex min-w-full flex-1 sm:min-w-72">
        <SearchField
          label={text.search.label}
          placeholder={text.search.placeholder}
          clear={text.search.clear}
          value={filter.q}
          onChange={(q) => onChange({ ...filter, q })}
        />
      </div>
      {categories.length > 1 && (
        <Segmented
          label={text.search.category}
          value={filter.category || all}
          onChange={(category) => onChange({ ...filter, category: category === all ? "" : category })}
          options={[
            { value: all, label: text.search.all },
            ...categories.map((category) => ({ value: category, label: category })),
          ]}
        />
      )}
      <Segmented
        label={text.density.label}
        value={density}
        onChange={onDensity}
        options={[
          { value: "cards", label: text.density.cards },
          { value: "list", label: text.density.list },
        ]}
      />
      {marks.solved > 0 && (
        <Button
          aria-pressed={marks.hideSolved}
          onClick={() => marks.onHideSolved(!marks.hideSolved)}
          className="h-11 bg-card px-3 aria-pressed:bg-accent-ground aria-pressed:text-accent"
        >
          <CircleCheck aria-hidden className="size-4" /> {text.search.hideSolved(marks.solved)}
        </Button>
      )}
      <p role="status" className="sr-only">
        {filter.q || filter.category || marks.hideSolved ? text.search.found(found) : ""}
      </p>
    </div>
  );
}
