import { QueryCache, QueryClient } from "@tanstack/react-query";
import { asProblem } from "@/api/client";

/** The key of the question who is asking; whatever answers 401 asks it again, which shows the sign-in page. */
export const whoamiKey = ["admin", "whoami"] as const;

/** Makes the panel's cache of answers. */
export function makeClient(): QueryClient {
  const client: QueryClient = new QueryClient({
    queryCache: new QueryCache({
      onError: (cause, query) => {
        if (asProblem(cause).status === 401 && query.queryKey[1] !== whoamiKey[1]) {
          void client.invalidateQueries({ queryKey: whoamiKey });
        }
      },
    }),
    defaultOptions: {
      queries: {
        // A refusal is an answer: only what may be different a moment later is asked again.
        retry: (count, cause) => count < 2 && [0, 502, 503, 504].includes(asProblem(cause).status),
      },
    },
  });
  return client;
}
