import { useQuery } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";
import { text } from "../text";
import { ChoiceFilter, everything } from "./fields";

/** The challenge that a list is about, by its name; the address has the id. */
export function ChallengeFilter() {
  const challenges = useQuery({
    queryKey: ["admin", "challenges", "list"],
    queryFn: async ({ signal }) => (await unwrap(api.GET("/admin/api/challenges/list", { signal }))).challenges,
  });
  return (
    <ChoiceFilter
      name="challenge"
      label={text.logs.challenge}
      choices={[everything, ...(challenges.data ?? []).map(({ id, name }) => ({ value: id, label: name }))]}
    />
  );
}
