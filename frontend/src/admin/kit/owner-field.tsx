import { useQuery } from "@tanstack/react-query";
import { useId, useState } from "react";
import { api, unwrap } from "@/api/client";
import { Field, Input } from "@/components/ui/field";
import { text } from "../text";
import { useTypedFilter } from "./filters";

type Owner = { id: string; name: string };

/** Players and teams whose name or id has some words in it, of those who ever had an instance. */
export function useOwners(words: string) {
  const query = words.trim();
  return useQuery({
    queryKey: ["admin", "owners", query],
    queryFn: async ({ signal }) =>
      (await unwrap(api.GET("/admin/api/owners", { params: { query: query ? { q: query } : {} }, signal }))).owners,
    staleTime: 10_000,
    placeholderData: (before) => before,
  });
}

/** The id that somebody means who typed a name or an id. */
export function ownerOf(typed: string, owners: Owner[]): string {
  const words = typed.trim();
  const inBrackets = /\(([^()]+)\)$/.exec(words)?.[1];
  if (inBrackets && owners.some(({ id }) => id === inBrackets)) return inBrackets;
  const same = owners.filter(({ name }) => name.toLocaleLowerCase() === words.toLocaleLowerCase());
  return same.length === 1 && same[0] ? same[0].id : words;
}

type ComboProps = {
  ids: { id: string };
  value: string;
  onChange: (typed: string, owner: string) => void;
};

/** A field that takes a player or a team by name or by id, and offers those who fit. */
export function OwnerInput({ ids, value, onChange }: ComboProps) {
  const list = useId();
  const owners = useOwners(value.replace(/ \([^()]+\)$/, "")).data ?? [];
  return (
    <>
      <Input
        {...ids}
        role="combobox"
        aria-autocomplete="list"
        aria-expanded={false}
        aria-controls={list}
        list={list}
        placeholder={text.owner.hint}
        value={value}
        onChange={({ target }) => onChange(target.value, ownerOf(target.value, owners))}
      />
      <datalist id={list}>
        {owners.slice(0, 20).map(({ id, name }) => (
          <option key={id} value={name && name !== id ? `${name} (${id})` : id} />
        ))}
      </datalist>
    </>
  );
}

/** The player or team that a list is about; the address has the id. */
export function OwnerFilter({ name = "owner" }: { name?: string }) {
  const [owner, setOwner] = useTypedFilter(name);
  const [typed, setTyped] = useState({ text: owner, owner });
  const shown = typed.owner === owner ? typed.text : owner; // what came into the address otherwise, such as by a link
  return (
    <Field label={text.owner.label} className="min-w-0 flex-[1_1_12rem] sm:max-w-72">
      {(ids) => (
        <OwnerInput
          ids={ids}
          value={shown}
          onChange={(words, id) => {
            setTyped({ text: words, owner: id });
            setOwner(id);
          }}
        />
      )}
    </Field>
  );
}
