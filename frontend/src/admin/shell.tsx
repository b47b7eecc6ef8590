import { useQuery } from "@tanstack/react-query";
import { Outlet, useLocation } from "@tanstack/react-router";
import {
  Flag,
  Gauge,
  LayoutDashboard,
  LogOut,
  type LucideIcon,
  Puzzle,
  ScrollText,
  Settings,
  Users,
} from "lucide-react";
import { useEffect, useRef } from "react";
import { api, asProblem, unwrapEmpty } from "@/api/client";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { LanguageSwitch } from "@/components/ui/language-switch";
import { Skeleton } from "@/components/ui/skeleton";
import { ThemeSwitch } from "@/components/ui/theme-switch";
import { Toaster } from "@/components/ui/toast";
import { cn } from "@/lib/cn";
import { logo } from "@/lib/event";
import { useAction } from "./kit/action";
import { whoamiKey } from "./kit/client";
import { TabLink } from "./kit/link";
import { LiveBadge, LiveProvider } from "./kit/live";
import { Loaded } from "./kit/loaded";
import { OfflineBar, useOffline } from "./kit/offline";
import type { Role } from "./kit/takes";
import { whoamiQuery } from "./queries";
import { SignIn } from "./sign-in";
import { text } from "./text";

const tabs: { to: string; name: string; icon: LucideIcon }[] = [
  { to: "/", name: text.tabs.dashboard, icon: LayoutDashboard },
  { to: "/logs", name: text.tabs.logs, icon: ScrollText },
  { to: "/flags", name: text.tabs.flags, icon: Flag },
  { to: "/challenges", name: text.tabs.challenges, icon: Puzzle },
  { to: "/players", name: text.tabs.players, icon: Users },
  { to: "/monitoring", name: text.tabs.monitoring, icon: Gauge },
  { to: "/settings", name: text.tabs.settings, icon: Settings },
];

/** The frame of the panel: the tabs for an admin, the sign-in page for everybody else. */
export function Shell() {
  const whoami = useQuery(whoamiQuery);
  const offline = useOffline();
  const nav = useRef<HTMLElement>(null);
  const { pathname } = useLocation();
  const stranger = whoami.isError && [401, 403].includes(asProblem(whoami.error).status);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another page is another tab, which may be out of sight on a phone
  useEffect(() => {
    nav.current?.querySelector("[aria-current]")?.scrollIntoView?.({ block: "nearest", inline: "nearest" });
  }, [pathname, stranger]);
  return (
    <LiveProvider on={whoami.isSuccess}>
      <a
        href="#content"
        className="sr-only focus:not-sr-only focus:absolute focus:top-3 focus:left-3 focus:z-10 focus:rounded-lg focus:bg-button focus:px-4 focus:py-2 focus:text-button-ink"
      >
        {text.app.skip}
      </a>
      <header className="border-line border-b bg-card/70">
        <div className="mx-auto flex min-h-14 max-w-[96rem] flex-wrap items-center justify-between gap-x-4 px-4 pt-2">
          <p className="flex items-center gap-2.5 font-display font-semibold text-lg">
            <img src={logo} alt="" className="h-7 max-w-40 object-contain" />
            {text.app.name}
          </p>
          <div className="flex min-h-10 min-w-0 flex-wrap items-center justify-end gap-x-2">
            {!stranger && <Who name={whoami.data?.name} role={whoami.data?.role} />}
            <LanguageSwitch />
            <ThemeSwitch />
          </div>
          {!stranger && (
            <nav ref={nav} aria-label={text.tabs.label} className="-mx-4 w-[calc(100%+2rem)] overflow-x-auto px-4">
              <ul className="flex min-w-max gap-1">
                {tabs.map(({ to, name, icon: Icon }) => (
                  <li key={to}>
                    <TabLink
                      to={to}
                      exact={to === "/"}
                      className="flex h-11 items-center gap-2 border-transparent border-b-2 px-3 font-semibold text-ink-soft text-sm hover:text-ink focus-visible:-outline-offset-2"
                      activeClassName="border-accent! text-ink!"
                    >
                      <Icon aria-hidden className="size-4" /> {name}
                    </TabLink>
                  </li>
                ))}
              </ul>
            </nav>
          )}
        </div>
      </header>
      <main
        id="content"
        tabIndex={-1}
        className={cn(
          "mx-auto max-w-[96rem] px-4 pt-8 pb-20 focus:outline-none",
          offline !== undefined && "opacity-75",
        )}
      >
        {stranger ? <SignIn /> : <Loaded query={whoami}>{() => <Outlet />}</Loaded>}
      </main>
      <OfflineBar since={offline} />
      <Toaster close={text.error.close} />
    </LiveProvider>
  );
}

function Who({ name, role }: { name: string | undefined; role: Role | undefined }) {
  const signOut = useAction<void>({
    act: () => unwrapEmpty(api.DELETE("/admin/api/session")),
    failed: text.session.signOutFailed,
    renews: [whoamiKey],
  });
  if (name === undefined) return <Skeleton className="h-5 w-36" />;
  return (
    <>
      <p className="min-w-0 truncate text-ink-soft text-sm">
        {text.session.as} <strong className="font-semibold text-ink">{name}</strong>
      </p>
      {role && role !== "admin" && (
        <span title={text.role.are[role]}>
          <Badge>{text.role.names[role]}</Badge>
        </span>
      )}
      <LiveBadge />
      <Button
        look="ghost"
        size="icon"
        aria-label={text.session.signOut}
        title={text.session.signOut}
        onClick={() => signOut.mutate()}
      >
        <LogOut aria-hidden className="size-4" />
      </Button>
    </>
  );
}
