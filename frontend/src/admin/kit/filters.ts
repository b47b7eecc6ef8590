import { useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";

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

/**
 * One filter that is typed, for the value of an input. What is typed is shown at once and then written into the address,
 * which takes a moment; what comes into the address otherwise, such as by a link, is shown too.
 */
export function useTypedFilter(name: string): [string, (value: string) => void] {
  const [filters, setFilters] = useFilters();
  const address = filters[name] ?? "";
  const [typed, setTyped] = useState(address);
  const sent = useRef(address);
  const arrived = useRef(true);

  useEffect(() => {
    if (address === sent.current) {
      arrived.current = true;
    } else if (arrived.current) {
      sent.current = address;
      setTyped(address);
    }
  }, [address]);

  function type(value: string) {
    setTyped(value);
    sent.current = value.trim();
    arrived.current = sent.current === address;
    setFilters({ [name]: sent.current });
  }

  return [typed, type];
}
