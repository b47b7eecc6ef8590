import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Puzzle, RefreshCw } from "lucide-react";
import type { AdminChallenge } from "@/api/admin";
import { api, unwrap } from "@/api/client";
import { Segmented } from "@/components/ui/segmented";
import { type Column, Table } from "@/components/ui/table";
import { formatBytes, formatNumber } from "@/lib/format";
import { useAction } from "../kit/action";
import { CsvRows } from "../kit/csv";
import { SearchFilter } from "../kit/fields";
import { useFilters } from "../kit/filters";
import { TabLink } from "../kit/link";
import { useAfterEvents } from "../kit/live";
import { Loaded, Nothing } from "../kit/loaded";
import { Page } from "../kit/page";
import { Button, Switch, useMay } from "../kit/takes";
import { text } from "../text";
import { useToggle } from "./actions";
import { Categories } from "./categories";
import { draftsQuery } from "./draft-queries";
import { Drafts } from "./drafts";
import { Dropzone } from "./dropzone";
import { challengesKey, challengesQuery } from "./queries";
import { ChallengeState } from "./state";

/** Every challenge: upload, open and close, and the way to its files. */
export function ChallengesPage() {
  const may = useMay();
  const [filters, setFilters] = useFilters();
  const challenges = useQuery(challengesQuery);
  const client = useQueryClient();
  const toggle = useToggle();
  const reload = useAction<void>({
    act: () => unwrap(api.POST("/admin/api/challenges/reload")),
    done: () => text.challenges.allReloaded,
    failed: text.challenges.reloadFailed,
    renews: [challengesKey],
  });
  useAfterEvents(
    ({ type }) => type.startsWith("admin_challenge") || type.startsWith("challenge_") || type.startsWith("instance"),
    () => challenges.refetch(),
    3_000,
  );
  useAfterEvents(
    ({ type }) => type === "admin_draft" || type === "admin_challenge_edit",
    () => client.invalidateQueries({ queryKey: draftsQuery.queryKey }),
    1_000,
  );
  const view = filters.state ?? "all";

  return (
    <Page
      title={text.tabs.challenges}
      lead={text.challenges.lead}
      actions={
        <>
          <CsvRows
            name="challenges"
            columns={[
              "id",
              "name",
              "category",
              "open",
              "images",
              "problems",
              "instances",
              "waiting",
              "warm",
              "memory_bytes",
              "cpus",
            ]}
            rows={() =>
              (challenges.data ?? []).map((one) => [
                one.id,
                one.name,
                one.category,
                one.active,
                one.images,
                one.problems.length,
                one.instances,
                one.waiting,
                one.warm,
                one.resources.memory,
                one.resources.cpus,
              ])
            }
          />
          <Button takes="operator" onClick={() => reload.mutate()} aria-disabled={reload.isPending || undefined}>
            <RefreshCw aria-hidden className="size-4" /> {text.challenges.reloadAll}
          </Button>
        </>
      }
    >
      {may("operator") && <Dropzone />}
      <Drafts />
      <div className="flex flex-col gap-4">
        <div className="flex flex-wrap gap-3">
          <Segmented
            label={text.challenges.state}
            value={view}
            onChange={(state) => setFilters({ state: state === "all" ? undefined : state })}
            options={[
              { value: "all", label: text.all },
              { value: "open", label: text.challenges.open },
              { value: "closed", label: text.challenges.closed },
              { value: "problems", label: text.challenges.withProblems },
            ]}
          />
          <div className="flex min-w-0 flex-1 basis-72">
            <SearchFilter name="q" label={text.challenges.search} />
          </div>
        </div>
        {challenges.data && <Categories challenges={challenges.data} />}
        <Loaded query={challenges}>
          {(all) =>
            all.length === 0 ? (
              <Nothing icon={Puzzle} title={text.challenges.emptyTitle}>
                {text.challenges.emptyText}
              </Nothing>
            ) : (
              <Table
                label={text.tabs.challenges}
                columns={columns((challenge) => toggle.mutate(challenge))}
                rows={all.filter((challenge) => selected(challenge, view, filters.q ?? ""))}
                rowKey={({ folder }) => folder}
                sort={filters.sort ?? "name"}
                onSort={(sort) => setFilters({ sort })}
                empty={text.challenges.none}
              />
            )
          }
        </Loaded>
      </div>
    </Page>
  );
}

function selected(challenge: AdminChallenge, state: string, words: string): boolean {
  if (state === "open" && !(challenge.active && challenge.loaded)) return false;
  if (state === "closed" && challenge.active) return false;
  if (state === "problems" && challenge.problems.length === 0 && challenge.images !== "failed") return false;
  const all = `${challenge.id} ${challenge.name} ${challenge.category} ${challenge.folder}`.toLocaleLowerCase();
  return words
    .toLocaleLowerCase()
    .split(/\s+/)
    .every((word) => all.includes(word));
}

function columns(toggle: (challenge: AdminChallenge) => void): Column<AdminChallenge>[] {
  return [
    {
      id: "name",
      phone: "first",
      header: text.challenges.name,
      width: "minmax(14rem,1fr)",
      sort: ({ name }) => name,
      cell: ({ id, name }) => (
        <TabLink
          to={`/challenges/${encodeURIComponent(id)}`}
          className="truncate text-accent underline decoration-accent-line underline-offset-4"
        >
          {name}
        </TabLink>
      ),
    },
    {
      id: "category",
      phone: "second",
      header: text.challenges.category,
      width: "8rem",
      sort: ({ category }) => category,
      cell: ({ category }) => category || text.none,
    },
    {
      id: "state",
      header: text.challenges.state,
      width: "17rem",
      sort: ({ active, loaded }) => Number(active) + 2 * Number(loaded),
      cell: (challenge) => <ChallengeState challenge={challenge} />,
    },
    {
      id: "problems",
      phone: "none",
      header: text.challenges.problems,
      width: "6rem",
      end: true,
      sort: ({ problems }) => problems.length,
      cell: ({ problems }) => problems.length || text.none,
    },
    {
      id: "instances",
      phone: "none",
      header: text.challenges.instances,
      width: "6rem",
      end: true,
      sort: ({ instances }) => instances,
      cell: ({ instances }) => formatNumber(instances),
    },
    {
      id: "ahead",
      phone: "none",
      header: text.challenges.ahead,
      width: "8rem",
      end: true,
      sort: ({ waiting, warm }) => waiting + warm,
      cell: ({ waiting, warm }) => text.challenges.aheadOf(waiting, warm) || text.none,
    },
    {
      id: "memory",
      phone: "none",
      header: text.challenges.memory,
      width: "7rem",
      end: true,
      sort: ({ resources }) => resources.memory,
      cell: ({ resources, loaded }) => (loaded ? formatBytes(resources.memory) : text.none),
    },
    {
      id: "cpus",
      phone: "none",
      header: text.challenges.cpus,
      width: "5rem",
      end: true,
      sort: ({ resources }) => resources.cpus,
      cell: ({ resources, loaded }) => (loaded ? formatNumber(resources.cpus) : text.none),
    },
    {
      id: "open",
      phone: "first",
      header: text.challenges.toggle,
      width: "6rem",
      end: true,
      cell: (challenge) => (
        <Switch
          takes="operator"
          label={text.challenges.toggleOf(challenge.name)}
          checked={challenge.active}
          onChange={() => toggle(challenge)}
        />
      ),
    },
  ];
}
