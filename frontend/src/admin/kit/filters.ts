import { useNavigate, useSearch } from "@tanstack/react-router";

/** What the address says after its question mark; what is empty is not there. */
export type Filters = Record<string, string | undefined>;

/** The filters of a page and how to change some of them. They live in the address, so a view can be shared. */
export function useFilters(): [Filters, (change: Filters) => void] {
  const filters = useSearch({ strict: false }) as Filters;
  const navigate = useNavigate();

  function change(some: Filters) {
    void navigate({
      to: ".",
      search: ((old: Filters) =>
        Object.fromEntries(Object.entries({ ...old, ...some }).filter(([, value]) => value))) as never,
      replace: true,
      resetScroll: false,
    });
  }

  return [filters, change];
}
