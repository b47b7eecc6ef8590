import { ChevronRight, CircleCheck, ExternalLink, Flag, Users } from "lucide-react";
import { type ReactNode, useId, useState } from "react";
import type { Challenge, Instance } from "@/api/types";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { cn } from "@/lib/cn";
import { Markdown } from "@/lib/markdown";
import { text } from "@/lib/text";
import { type Readiness, RouteRow } from "./route-row";

type Props = {
  challenge: Challenge;
  instance: Instance | null;
  /** The team that shares the player's copy; empty: nobody does. */
  team: string;
  /** One line, until it is opened: the list is as long in every language, whatever runs. */
  dense: boolean;
  /** How it is doing, beside its name. */
  badge: ReactNode;
  /** What can be done with it. */
  controls: ReactNode;
};

const cardOf = (challenge: string) => `challenge-${challenge}`;

/** Brings a challenge's card into sight, if there is one. */
export function focusCard(challenge: string | undefined): void {
  if (challenge) document.getElementById(cardOf(challenge))?.focus();
}

/** A challenge: what it is, where it is, and what the player's copy does. */
export function ChallengeCard({ challenge, instance, team, dense, badge, controls }: Props) {
  const id = useId();
  const [open, setOpen] = useState(false);
  const readiness = readinessOf(instance);
  // An instance that is there keeps the routes of the revision it was started from, and knows its ports.
  const routes =
    (readiness === "running" || instance?.state === "sleeping") && instance ? instance.routes : challenge.routes;
  const running = instance?.state === "running";
  const asleep = !instance || instance.state === "stopped";
  if (dense && !open) {
    const web = challenge.wake ? challenge.routes.find(({ type, url }) => type === "http" && url !== "") : undefined;
    return (
      <Card
        aria-labelledby={id}
        id={cardOf(challenge.id)}
        tabIndex={-1}
        className={cn("rounded-lg", running && "border-l-2 border-l-good")}
        // Whoever is led here wants to see it all.
        onFocus={(event) => event.target === event.currentTarget && !asleep && setOpen(true)}
      >
        <div className="flex items-center">
          <h3 id={id} className="min-w-0 flex-1 font-semibold">
            <button
              type="button"
              aria-expanded={false}
              onClick={() => setOpen(true)}
              className="flex min-h-11 w-full cursor-pointer items-center gap-2 rounded-lg px-3 text-left hover:bg-raised/50"
            >
              <ChevronRight aria-hidden className="size-4 shrink-0 text-ink-soft" />
              <span className="min-w-0 flex-1 truncate">{challenge.name}</span>
              {challenge.solved && <SolvedMark />}
            </button>
          </h3>
          {!asleep && badge}
          {web && (
            <Button asChild look="ghost" size="icon">
              <a
                href={web.url}
                target="_blank"
                rel="noopener noreferrer"
                aria-label={text.running.open(challenge.name)}
                title={text.route.opensStart}
              >
                <ExternalLink aria-hidden className="size-4" />
              </a>
            </Button>
          )}
        </div>
      </Card>
    );
  }
  return (
    <Card
      aria-labelledby={id}
      id={cardOf(challenge.id)}
      tabIndex={-1}
      // In the list the lines of others fill the columns beside it.
      className={cn(running && "border-l-2 border-l-good", dense && "md:row-span-6")}
    >
      <div className="flex flex-col gap-3 p-4">
        <header className="flex items-start justify-between gap-3">
          <h3 id={id} className="min-w-0 break-words font-display font-semibold text-lg leading-6">
            {dense ? (
              <button
                type="button"
                aria-expanded
                // biome-ignore lint/a11y/noAutofocus: it takes the place of the button that was pressed
                autoFocus={open && asleep}
                onClick={() => setOpen(!open)}
                className="cursor-pointer text-left hover:underline"
              >
                {challenge.name}
              </button>
            ) : (
              challenge.name
            )}
          </h3>
          <div className="flex shrink-0 items-center gap-2">
            {challenge.solved && <SolvedMark />}
            {badge}
          </div>
        </header>
        {challenge.description.trim() !== "" && (
          <div className="text-ink-soft text-sm">
            <Markdown source={challenge.description} />
          </div>
        )}
        <div className="flex flex-col gap-2">
          {routes.map((route, index) => (
            <RouteRow
              key={route.name}
              route={route}
              readiness={readiness}
              access={challenge.access}
              opened={running && index === routes.findIndex(({ type }) => type === "http")}
            />
          ))}
        </div>
        {(team !== "" || running) && (
          <div className="flex flex-wrap gap-x-4 gap-y-1 text-ink-soft text-xs empty:hidden">
            {team !== "" && (
              <p className="flex min-w-0 items-center gap-1.5">
                <Users aria-hidden className="size-3.5 shrink-0" />
                <span className="min-w-0 break-words">{text.team.shared(team)}</span>
              </p>
            )}
            <FlagState instance={instance} />
          </div>
        )}
      </div>
      {controls}
    </Card>
  );
}

function SolvedMark() {
  return (
    <span className="flex shrink-0 items-center gap-1 font-normal text-good text-xs">
      <CircleCheck aria-hidden className="size-4" /> {text.challenges.solved}
    </span>
  );
}

/** Whether CTFd takes the flag that is in the player's copy; nothing where there is none of the player's own. */
function FlagState({ instance }: { instance: Instance | null }) {
  const state = instance?.flag_state;
  if (instance?.state !== "running" || (state !== "pending" && state !== "live" && state !== "failed")) return null;
  return (
    <p className="flex min-w-0 items-center gap-1.5">
      <Flag aria-hidden className="size-3.5 shrink-0" />
      <span className="min-w-0 break-words">{text.flag[state]}</span>
    </p>
  );
}

function readinessOf(instance: Instance | null): Readiness {
  switch (instance?.state) {
    case "running":
      return "running";
    case "queued":
    case "starting":
      return "underway";
    default:
      return "asleep";
  }
}
