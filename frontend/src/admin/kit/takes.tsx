import { useQuery } from "@tanstack/react-query";
import type { ComponentProps, MouseEvent } from "react";
import { Button as PlainButton } from "@/components/ui/button";
import { Switch as PlainSwitch } from "@/components/ui/field";
import { whoamiQuery } from "../queries";
import { text } from "../text";

const roles = ["viewer", "operator", "admin"] as const;

/** What an organiser may do; each includes those before it. */
export type Role = (typeof roles)[number];

/** Whether the organiser who is signed in has a role, or one that includes it. The sidecar asks the same again. */
export function useMay(): (role: Role) => boolean {
  const own = useQuery(whoamiQuery).data?.role;
  return (role) => own !== undefined && roles.indexOf(own) >= roles.indexOf(role);
}

/** A button of those with a role; for others it does nothing and says whose it is. */
export function Button({ takes, ...props }: ComponentProps<typeof PlainButton> & { takes?: Role }) {
  const may = useMay();
  if (takes === undefined || may(takes)) return <PlainButton {...props} />;
  return (
    <PlainButton
      {...props}
      aria-disabled
      aria-description={text.role.takes[takes]}
      title={text.role.takes[takes]}
      onClick={(event: MouseEvent) => event.preventDefault()}
    />
  );
}

/** A switch of those with a role; for others it only shows how it stands. */
export function Switch({ takes, ...props }: ComponentProps<typeof PlainSwitch> & { takes: Role }) {
  const may = useMay();
  if (may(takes)) return <PlainSwitch {...props} />;
  return (
    <span title={text.role.takes[takes]}>
      <PlainSwitch {...props} disabled label={`${props.label} (${text.role.takes[takes]})`} />
    </span>
  );
}
