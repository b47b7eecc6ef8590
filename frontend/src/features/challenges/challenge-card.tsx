import { Flag, Users } from "lucide-react";
import { type ReactNode, useId } from "react";
import type { Challenge, Instance } from "@/api/types";
import { Card } from "@/components/ui/card";
import { Markdown } from "@/lib/markdown";
import { text } from "@/lib/text";
import { type Readiness, RouteRow } from "./route-row";

type Props = {
  challenge: Challenge;
  instance: Instance | null;
  /** The team that shares the player's copy; empty: nobody does. */
  team: string;
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
export function ChallengeCard({ challenge, instance, team, badge, controls }: Props) {
  const id = useId();
  const readiness = readinessOf(instance);
  // A running instance keeps the routes of the revision it was started from, and knows its ports.
  const routes = readiness === "running" && instance ? instance.routes : challenge.routes;
  return (
    <Card aria-labelledby={id} id={cardOf(challenge.id)} tabIndex={-1}>
      <div className="flex flex-col gap-4 p-4">
        <header className="flex items-start justify-between gap-3">
          <h3 id={id} className="min-w-0 break-words font-display font-semibold text-lg leading-6">
            {challenge.name}
          </h3>
          {badge}
        </header>
        {challenge.description.trim() !== "" && (
          <div className="text-ink-soft text-sm">
            <Markdown source={challenge.description} />
          </div>
        )}
        <div className="flex flex-col gap-2">
          {routes.map((route) => (
            <RouteRow key={route.name} route={route} readiness={readiness} wake={challenge.wake} />
          ))}
        </div>
        <div className="flex min-h-4 flex-wrap gap-x-4 gap-y-1 text-ink-soft text-xs">
          {team !== "" && (
            <p className="flex min-w-0 items-center gap-1.5">
              <Users aria-hidden className="size-3.5 shrink-0" />
              <span className="min-w-0 break-words">{text.team.shared(team)}</span>
            </p>
          )}
          <FlagState instance={instance} />
        </div>
      </div>
      {controls}
    </Card>
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
