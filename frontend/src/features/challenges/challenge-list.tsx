import { Flag, SearchX } from "lucide-react";
import { Fragment, type KeyboardEvent, type ReactNode, useId } from "react";
import type { Challenge } from "@/api/types";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { Skeleton } from "@/components/ui/skeleton";
import { cn } from "@/lib/cn";
import { text } from "@/lib/text";
import { type Group, groupByCategory } from "./filter";

const grid = "grid grid-cols-[minmax(0,1fr)] items-start gap-4 md:grid-cols-2 xl:grid-cols-3 2xl:grid-cols-4";
const rows = "grid grid-cols-[minmax(0,1fr)] items-start gap-1.5 md:grid-cols-2 xl:grid-cols-3";

type Props = {
  challenges: Challenge[];
  /** One line each. */
  dense: boolean;
  card: (challenge: Challenge) => ReactNode;
};

/** Challenges under the headings of their categories. The arrow keys go from one to the next. */
export function ChallengeList({ challenges, dense, card }: Props) {
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the cards take the focus; the arrows are beside the Tab key
    <div className={cn("flex flex-col", dense ? "gap-3.5" : "gap-8")} onKeyDown={stepCards}>
      {groupByCategory(challenges).map((group) => (
        <CategorySection key={group.category} group={group} dense={dense} card={card} />
      ))}
    </div>
  );
}

/** Moves the focus by the arrow keys from one card to another, unless they have a meaning where the focus is. */
function stepCards(event: KeyboardEvent<HTMLElement>) {
  const by = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  const from = event.target as HTMLElement;
  if (!by || event.altKey || event.ctrlKey || event.metaKey || from.closest("input, textarea, select, dialog")) return;
  const cards = [...event.currentTarget.querySelectorAll("article")];
  const next = cards[cards.findIndex((one) => one.contains(from)) + by];
  if (!next) return;
  event.preventDefault();
  next.focus();
}

function CategorySection({ group, dense, card }: { group: Group; dense: boolean; card: Props["card"] }) {
  const id = useId();
  return (
    <section aria-labelledby={id}>
      <h2
        id={id}
        className={cn(
          "flex items-baseline gap-2 font-display font-semibold",
          dense ? "mb-1 text-base" : "mb-3 text-xl",
        )}
      >
        <span className="min-w-0 break-words">{group.category}</span>
        <span className="font-normal font-sans text-ink-soft text-sm tabular-nums">
          {text.search.found(group.challenges.length)}
        </span>
      </h2>
      <div className={dense ? rows : grid}>
        {group.challenges.map((challenge) => (
          <Fragment key={challenge.id}>{card(challenge)}</Fragment>
        ))}
      </div>
    </section>
  );
}

/** The places of the search and the list, while the first answer is on its way. */
export function ChallengeSkeleton() {
  return (
    <div role="status" className="flex flex-col gap-8">
      <span className="sr-only">{text.challenges.loading}</span>
      <Skeleton className="h-11" />
      <div>
        <Skeleton className="mb-3 h-7 w-32" />
        <div className={grid}>
          {["a", "b", "c"].map((place) => (
            <Skeleton key={place} className="h-72 rounded-xl" />
          ))}
        </div>
      </div>
    </div>
  );
}

/** There is no challenge at all; an organiser learns where they come from. */
export function NoChallenges() {
  return (
    <EmptyState icon={Flag} title={text.challenges.emptyTitle}>
      <p>{text.challenges.emptyText}</p>
      <p className="mt-3 text-sm">{text.challenges.emptyOrganiser}</p>
    </EmptyState>
  );
}

/** There are challenges, but none is what the player looks for. */
export function NothingFound({ onReset }: { onReset: () => void }) {
  return (
    <EmptyState
      icon={SearchX}
      title={text.search.noneTitle}
      action={<Button onClick={onReset}>{text.search.reset}</Button>}
    >
      {text.search.noneText}
    </EmptyState>
  );
}
