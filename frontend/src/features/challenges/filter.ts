import type { Challenge } from "@/api/types";
import { text } from "@/lib/text";

/** What the player looks for; both may be empty. */
export type Filter = { q: string; category: string };

/** Challenges of one category. */
export type Group = { category: string; challenges: Challenge[] };

/** The heading under which a challenge stands. */
export function categoryOf(challenge: Challenge): string {
  return challenge.category.trim() || text.challenges.uncategorised;
}

/** The challenges in which every word of the search occurs, whatever its case. */
export function filterChallenges(challenges: Challenge[], { q, category }: Filter): Challenge[] {
  const words = q.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  return challenges.filter((challenge) => {
    if (category !== "" && categoryOf(challenge) !== category) return false;
    const all = `${challenge.name}\n${categoryOf(challenge)}\n${challenge.description}`.toLocaleLowerCase();
    return words.every((word) => all.includes(word));
  });
}

const byName = new Intl.Collator(undefined, { numeric: true });

/** Challenges by category, both by name; those without a category come last. */
export function groupByCategory(challenges: Challenge[]): Group[] {
  const groups = new Map<string, Challenge[]>();
  for (const challenge of [...challenges].sort((a, b) => byName.compare(a.name, b.name))) {
    const category = categoryOf(challenge);
    groups.set(category, [...(groups.get(category) ?? []), challenge]);
  }
  return [...groups]
    .map(([category, members]) => ({ category, challenges: members }))
    .sort((a, b) => rank(a) - rank(b) || a.category.localeCompare(b.category));
}

function rank(group: Group): number {
  return group.challenges.some((challenge) => challenge.category.trim() !== "") ? 0 : 1;
}
