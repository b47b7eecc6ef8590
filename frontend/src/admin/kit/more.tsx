import { Button } from "@/components/ui/button";
import { text } from "../text";

type Props = { query: { fetchNextPage: () => unknown; isFetchingNextPage: boolean } };

/** Brings the next part of a long list. */
export function More({ query }: Props) {
  return (
    <Button
      aria-disabled={query.isFetchingNextPage || undefined}
      onClick={() => !query.isFetchingNextPage && query.fetchNextPage()}
    >
      {query.isFetchingNextPage ? text.loadingMore : text.more}
    </Button>
  );
}
