import { useQuery } from "@tanstack/react-query";
import { ExternalLink } from "lucide-react";
import type { AdminOwnerDetail } from "@/api/admin";
import { CopyButton } from "@/components/ui/copy-button";
import { type Column, Table } from "@/components/ui/table";
import { formatMoment } from "@/lib/format";
import { CsvRows } from "../kit/csv";
import { useFilters } from "../kit/filters";
import { Clip, ClipCode, challengeColumn } from "../kit/list";
import { Loaded } from "../kit/loaded";
import { Section } from "../kit/page";
import { text } from "../text";
import { ownerQuery } from "./queries";

type Solve = AdminOwnerDetail["solves"][number];
type Address = { challenge: string; name: string; route: AdminOwnerDetail["addresses"][number]["routes"][number] };

/** What a player or team has solved, as CTFd's submissions say. */
export function Solves({ id }: { id: string }) {
  const [filters, setFilters] = useFilters();
  const owner = useQuery(ownerQuery(id));
  return (
    <Section
      title={text.players.solves}
      actions={
        <CsvRows
          name={`solves-${id}`}
          columns={["challenge", "ctfd_challenge", "at"]}
          rows={() => (owner.data?.solves ?? []).map((one) => [one.challenge_id, one.ctfd_challenge, one.at])}
        />
      }
    >
      <Loaded query={owner}>
        {({ solves }) => (
          <Table
            label={text.players.solves}
            columns={solveColumns}
            rows={solves}
            rowKey={({ ctfd_challenge }) => String(ctfd_challenge)}
            sort={filters.sort ?? "-at"}
            onSort={(sort) => setFilters({ sort })}
            empty={text.players.noSolves}
          />
        )}
      </Loaded>
    </Section>
  );
}

const solveColumns: Column<Solve>[] = [
  challengeColumn(({ challenge_id }) => challenge_id),
  {
    id: "ctfd",
    header: text.players.ctfd,
    width: "minmax(8rem,1fr)",
    sort: ({ ctfd_challenge }) => ctfd_challenge,
    cell: ({ ctfd_challenge }) => ctfd_challenge,
  },
  {
    id: "at",
    header: text.players.solvedAt,
    width: "12.5rem",
    sort: ({ at }) => at,
    cell: ({ at }) => formatMoment(at),
  },
];

/** Where the player's or team's instances are or would be. */
export function Addresses({ id }: { id: string }) {
  const [filters, setFilters] = useFilters();
  const owner = useQuery(ownerQuery(id));
  return (
    <Section title={text.players.addresses}>
      <Loaded query={owner}>
        {({ addresses }) => (
          <Table
            label={text.players.addresses}
            columns={addressColumns}
            rows={addresses.flatMap(({ challenge_id, challenge_name, routes }) =>
              routes.map((route): Address => ({ challenge: challenge_id, name: challenge_name, route })),
            )}
            rowKey={({ challenge, route }) => `${challenge} ${route.name}`}
            sort={filters.sort ?? "challenge"}
            onSort={(sort) => setFilters({ sort })}
            empty={text.challenges.emptyTitle}
          />
        )}
      </Loaded>
    </Section>
  );
}

const addressColumns: Column<Address>[] = [
  {
    id: "challenge",
    header: text.logs.challenge,
    width: "minmax(9rem,1fr)",
    sort: ({ name }) => name,
    cell: ({ name }) => <Clip>{name}</Clip>,
  },
  {
    id: "address",
    header: text.players.addresses,
    width: "minmax(16rem,3fr)",
    phone: "second",
    cell: ({ name, route }) =>
      route.url ? (
        <a
          href={route.url}
          target="_blank"
          rel="noopener noreferrer"
          aria-label={text.players.open(name)}
          className="flex min-w-0 items-center gap-2 text-accent underline decoration-accent-line underline-offset-4"
        >
          <span className="truncate font-mono text-[0.8125rem]">{route.url}</span>
          <ExternalLink aria-hidden className="size-3.5 shrink-0" />
        </a>
      ) : (
        <ClipCode>{route.hint || route.host}</ClipCode>
      ),
  },
  {
    id: "copy",
    header: text.players.copy,
    width: "4rem",
    end: true,
    phone: "first",
    cell: ({ name, route }) => <CopyButton value={route.url || route.hint || route.host} what={name} />,
  },
];
