import { leaveFor } from "@/lib/leave";

/**
 * Signing in with CTFd: a page there makes a token for this one sign-in and comes back with it behind the "#", which
 * reaches no server's log. What it comes back with must name the state that this tab has gone there with: else somebody
 * else's sign-in could be handed to a player.
 */
const key = "whaley-sign-in";

/** How long a way to CTFd that did not come back keeps the next from beginning by itself, in milliseconds. */
const patience = 60_000;

type Underway = { state: string; next: string; at: number };

/** What signs in: a token that a page in CTFd has made for it, or a code of Whaley's plugin there. */
export type Proof = { token: string; token_id?: number } | { code: string; state: string };

/** What CTFd has sent back, or that this tab did not ask for it. */
export type Returned = { proof: Proof; next: string } | "foreign";

/** Goes to CTFd's page, and from there back here and on to `next`. */
export function toCTFd(page: string, next: string) {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const state = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const underway: Underway = { state, next, at: Date.now() };
  sessionStorage.setItem(key, JSON.stringify(underway));
  leaveFor(`${page}?state=${state}`);
}

/** Whether this tab has gone to CTFd a moment ago and is here again without an answer. */
export function hasJustGone(): boolean {
  const before = underway();
  return before !== undefined && Date.now() - before.at < patience;
}

/** What CTFd's page has sent back with this visit; undefined: nothing. */
export function readReturned(): Returned | undefined {
  const sent = new URLSearchParams(window.location.hash.slice(1));
  const token = sent.get("ctfd");
  const code = sent.get("handover");
  if (!token && !code) return undefined;
  const before = underway();
  if (!before || before.state !== sent.get("state")) return "foreign";
  const proof = code ? { code, state: before.state } : { token: token ?? "", token_id: Number(sent.get("id")) || 0 };
  return { proof, next: before.next };
}

/** Forgets it: in the address, in the browser's history, and as an answer that is waited for. */
export function forgetReturned() {
  if (!/[#&](ctfd|handover)=/.test(window.location.hash)) return;
  sessionStorage.removeItem(key);
  window.history.replaceState(window.history.state, "", window.location.pathname + window.location.search);
}

function underway(): Underway | undefined {
  try {
    const text = sessionStorage.getItem(key);
    return text ? (JSON.parse(text) as Underway) : undefined;
  } catch {
    return undefined;
  }
}
