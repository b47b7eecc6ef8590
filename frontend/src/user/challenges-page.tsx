import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { CloudOff } from "lucide-react";
import { useEffect, useState, useSyncExternalStore } from "react";
import { flushSync } from "react-dom";
import { asProblem } from "@/api/client";
import type { Challenge, ChallengesAnswer, Instance, Me } from "@/api/types";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { Skeleton } from "@/components/ui/skeleton";
import { ChallengeCard, focusCard } from "@/features/challenges/challenge-card";
import { ChallengeList, ChallengeSkeleton, NoChallenges, NothingFound } from "@/features/challenges/challenge-list";
import { useDensity } from "@/features/challenges/density";
import { EventClosed, EventPaused, isClosed } from "@/features/challenges/event";
import { type Filter, filterChallenges } from "@/features/challenges/filter";
import { FilterBar } from "@/features/challenges/filter-bar";
import { challengesQuery } from "@/features/challenges/queries";
import { useHideSolved } from "@/features/challenges/solved";
import { WaitingCard } from "@/features/challenges/waiting-card";
import { InstanceControls } from "@/features/instances/controls";
import { useEnded } from "@/features/instances/ended";
import { type Live, useLive } from "@/features/instances/live";
import { isLive } from "@/features/instances/phase";
import { useReminders } from "@/features/instances/reminders";
import { RunningStrip, titleOf } from "@/features/instances/running";
import { StateBadge } from "@/features/instances/state-badge";
import { configQuery, meQuery } from "@/features/player/queries";
import { Quota } from "@/features/player/quota";
import { serverNow } from "@/lib/clock";
import { cn } from "@/lib/cn";
import { text } from "@/lib/text";
import { BottomBar, ConnectionBadge, NoticeBar } from "./connection";
import { Refused, SignOut, ToLogin } from "./session";
import { Shell } from "./shell";

/** The dashboard: every challenge with the player's own copy of it. */
export function ChallengesPage() {
  const live = useLive();
  const asked = useQuery(meQuery);
  const me = asked.data;
  const config = useQuery(configQuery).data;
  const challenges = useQuery(challengesQuery);
  const urgent = useUrgent(live);
  const refusal = asked.isError ? asProblem(asked.error) : undefined;

  if (refusal?.status === 401 && (config?.auth_mode === "ctfd" || config?.auth_mode === "oidc")) return <ToLogin />;
  if (refusal?.status === 401 || refusal?.status === 403) {
    return <Refused detail={refusal.detail} signedIn={refusal.status === 403} />;
  }
  return (
    <Shell title={text.app.title} urgent={urgent} aside={<Aside me={me} live={live} />}>
      <NoticeBar notice={config?.notice ?? ""} />
      <div className="mb-6 flex flex-wrap items-end justify-between gap-x-8 gap-y-4">
        <div className="max-w-prose">
          <h1 className="mb-1 font-display font-semibold text-3xl">{text.app.title}</h1>
          <p className="text-ink-soft">{text.app.lead}</p>
        </div>
        <div className="flex min-h-8 items-end">
          {me && live.instances ? (
            <Quota used={[...live.instances.values()].filter(isLive).length} most={me.max_instances} />
          ) : (
            <Skeleton className="h-8 w-40" />
          )}
        </div>
      </div>
      {challenges.data ? (
        <Found
          list={challenges.data}
          live={live}
          team={me?.team_mode ? me.owner.name : ""}
          paused={config?.notice ? text.instance.paused : ""}
        />
      ) : challenges.isError ? (
        <EmptyState
          alert
          icon={CloudOff}
          title={text.challenges.errorTitle}
          action={<Button onClick={() => challenges.refetch()}>{text.challenges.retry}</Button>}
        >
          {asProblem(challenges.error).detail}
        </EmptyState>
      ) : (
        <ChallengeSkeleton />
      )}
      <BottomBar live={live} />
    </Shell>
  );
}

function Aside({ me, live }: { me: Me | undefined; live: Live }) {
  return (
    <div className="flex min-w-0 items-center gap-3">
      {me ? (
        <p className="min-w-0 truncate text-ink-soft text-sm">
          {text.app.playingAs} <strong className="font-semibold text-ink">{me.user.name}</strong>
          {me.team_mode && (
            <>
              {" "}
              {text.team.of} <strong className="font-semibold text-ink">{me.owner.name}</strong>
            </>
          )}
        </p>
      ) : (
        <Skeleton className="h-5 w-36" />
      )}
      <ConnectionBadge live={live} />
      {(me?.auth_mode === "ctfd" || me?.auth_mode === "oidc") && <SignOut />}
    </div>
  );
}

/** Which instance's end is near, for the tab's title: drawn anew only when that changes, not each second of a calm hour. */
function useUrgent({ instances }: Live): string {
  return useSyncExternalStore(
    (changed) => {
      const timer = setInterval(changed, 1000);
      return () => clearInterval(timer);
    },
    () => titleOf(instances?.values() ?? [], serverNow()),
  );
}

type FoundProps = { list: ChallengesAnswer; live: Live; team: string; paused: string };

/** The challenges that the search leaves. The search lives here and is mirrored into the address, to be shared. */
function Found({ list, live, team, paused }: FoundProps) {
  const { event } = list;
  const search = useSearch({ from: "/" });
  const navigate = useNavigate({ from: "/" });
  const [filter, setFilter] = useState<Filter>({ q: search.q ?? "", category: search.category ?? "" });
  // Of a closed challenge there is the player's copy, for as long as it lives.
  const challenges = list.challenges.filter((one) => !one.closed || isLive(instanceOf(one, live)));
  const [hideSolved, setHideSolved] = useHideSolved();
  const solved = challenges.filter((one) => one.solved).length;
  // What runs stays in sight, solved or not.
  const found = filterChallenges(challenges, filter).filter(
    (one) => !hideSolved || !one.solved || isLive(instanceOf(one, live)),
  );
  const [reminders, toggleReminders] = useReminders(live.instances);
  const [density, setDensity] = useDensity(challenges.length);
  const ended = useEnded(live.instances);
  const held = [...(live.instances?.values() ?? [])].filter(isLive);
  useEffect(() => focusCard(search.challenge), [search.challenge]); // CTFd's links name one

  function change(next: Filter) {
    setFilter(next);
    void navigate({
      search: { ...(next.q && { q: next.q }), ...(next.category && { category: next.category }) },
      replace: true,
      resetScroll: false,
    });
  }

  function showAll() {
    change({ q: "", category: "" });
    setHideSolved(false);
  }

  function show(challenge: string) {
    if (!found.some(({ id }) => id === challenge)) flushSync(showAll);
    focusCard(challenge);
  }

  if (challenges.length === 0) {
    return isClosed(event, serverNow()) ? <EventClosed event={event} /> : <NoChallenges />;
  }
  return (
    <div className={cn("flex flex-col", density === "list" ? "gap-5" : "gap-8")}>
      {event.paused && <EventPaused />}
      <RunningStrip
        instances={held.filter(({ state }) => state === "running")}
        onShow={show}
        reminders={reminders}
        onReminders={toggleReminders}
      />
      <FilterBar
        challenges={challenges}
        found={found.length}
        filter={filter}
        onChange={change}
        density={density}
        onDensity={setDensity}
        solved={solved}
        hideSolved={hideSolved}
        onHideSolved={setHideSolved}
      />
      {found.length === 0 ? (
        <NothingFound onReset={showAll} />
      ) : (
        <ChallengeList
          challenges={found}
          dense={density === "list"}
          card={(challenge) => {
            const instance = instanceOf(challenge, live);
            if (challenge.opens_at && !isLive(instance)) {
              return <WaitingCard challenge={challenge} opens={Date.parse(challenge.opens_at)} />;
            }
            return (
              <ChallengeCard
                challenge={challenge}
                instance={instance}
                team={team}
                dense={density === "list"}
                badge={<StateBadge instance={instance} />}
                controls={
                  <InstanceControls
                    challenge={challenge}
                    instance={instance}
                    paused={paused || (event.paused ? text.instance.paused : "")}
                    ended={ended.get(challenge.id)}
                    others={held.filter((other) => other.challenge_id !== challenge.id)}
                  />
                }
              />
            );
          }}
        />
      )}
    </div>
  );
}

/** The list of challenges is older than the player's instances, except before the latter's first answer. */
function instanceOf(challenge: Challenge, { instances }: Live): Instance | null {
  return instances ? (instances.get(challenge.id) ?? null) : challenge.instance;
}
