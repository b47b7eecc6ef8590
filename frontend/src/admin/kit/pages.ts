import { infiniteQueryOptions } from "@tanstack/react-query";

type Cursor = { after?: string };

/**
 * A long list, asked for a part at a time: each answer says where the next one begins. `every` is how many milliseconds
 * pass until it is asked for again; none: never by itself.
 */
export function inPages<P extends { next: string }>(
  queryKey: readonly unknown[],
  ask: (cursor: Cursor, signal: AbortSignal) => Promise<P>,
  every?: number,
) {
  return infiniteQueryOptions({
    queryKey,
    queryFn: ({ signal, pageParam }) => ask(pageParam === "" ? {} : { after: pageParam }, signal),
    initialPageParam: "",
    getNextPageParam: (page: P) => page.next || undefined,
    ...(every && { refetchInterval: every }),
  });
}
