import { Link, type LinkProps } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Filters } from "./filters";

type Props = {
  /** An address of the panel, such as "/logs" or "/challenges/web-1", under ADMIN_PATH. */
  to: string;
  filters?: Filters;
  className?: string;
  activeClassName?: string;
  exact?: boolean;
  children: ReactNode;
};

/** A link within the panel. The router's own type knows the players' addresses only: there is one router a program. */
export function TabLink({ to, filters, className, activeClassName, exact, children }: Props) {
  const target = { to, ...(filters && { search: filters }) } as unknown as LinkProps;
  return (
    <Link
      {...target}
      activeOptions={{ exact: exact ?? false, includeSearch: false }}
      activeProps={{ className: activeClassName ?? "" }}
      {...(className && { className })}
    >
      {children}
    </Link>
  );
}
