import type { AdminChallenge } from "@/api/admin";

/** To come. */
export function Build(_: { challenge: AdminChallenge }) {
  return null;
}
