import createClient from "openapi-fetch";
import { detailOf } from "@/lib/problems";
import { text } from "@/lib/text";
import type { paths } from "./schema";

/** The sidecar's public API, on the host that served the page. */
export const api = createClient<paths>({
  baseUrl: window.location.origin,
  fetch: (request) => fetch(request), // looked up at each call, because tests put another one in its place
});

/** An answer that is not a success, or none at all (status 0). */
export class Problem extends Error {
  override name = "Problem";

  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    /** Seconds after which trying again makes sense; 0: it does not by itself. */
    readonly retryAfter = 0,
    readonly requestId = "",
  ) {
    super(detail);
  }
}

/** Waits for a call and gives its body, or throws a Problem. */
export async function unwrap<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  const { data, error, response } = await call.catch((cause: unknown) => {
    if (cause instanceof DOMException && cause.name === "AbortError") throw cause;
    throw new Problem(0, "network", text.problem.network);
  });
  if (!response.ok || data === undefined) throw toProblem(response.status, error);
  return data;
}

/** Makes a Problem of any thrown value. */
export function asProblem(cause: unknown): Problem {
  return cause instanceof Problem ? cause : new Problem(0, "unknown", text.problem.unknown);
}

function toProblem(status: number, body: unknown): Problem {
  const p = (typeof body === "object" && body !== null ? body : {}) as Record<string, unknown>;
  const code = typeof p.code === "string" ? p.code : "unknown";
  const detail = typeof p.detail === "string" && p.detail !== "" ? p.detail : text.problem.unknown;
  const values = Array.isArray(p.values) ? p.values.map(String) : [];
  return new Problem(
    status,
    code,
    detailOf({ code, detail, values }),
    typeof p.retry_after === "number" ? p.retry_after : 0,
    typeof p.request_id === "string" ? p.request_id : "",
  );
}

/** The same for a call that answers nothing when all is well. */
export async function unwrapEmpty(call: Promise<{ error?: unknown; response: Response }>): Promise<void> {
  await unwrap(call.then(({ error, response }) => ({ data: null, error, response })));
}
