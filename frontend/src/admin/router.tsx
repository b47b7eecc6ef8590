import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  type RouterHistory,
} from "@tanstack/react-router";
import { plainSearch } from "@/lib/search";
import { Crashed, NotFound } from "./dead-ends";
import type { Filters } from "./kit/filters";
import { Shell } from "./shell";

const rootRoute = createRootRoute({
  component: Shell,
  notFoundComponent: NotFound,
  errorComponent: Crashed,
  validateSearch: (search: Record<string, unknown>): Filters =>
    Object.fromEntries(
      Object.entries(search).filter(([, value]) => typeof value === "string" && value !== ""),
    ) as Filters,
});

const parent = { getParentRoute: () => rootRoute };

// sidecar/internal/web/handler.go has the same list of addresses.
const routeTree = rootRoute.addChildren([
  createRoute({
    ...parent,
    path: "/",
    component: lazyRouteComponent(() => import("./dashboard/page"), "DashboardPage"),
  }),
  createRoute({ ...parent, path: "/logs", component: lazyRouteComponent(() => import("./logs/page"), "LogsPage") }),
  createRoute({ ...parent, path: "/flags", component: lazyRouteComponent(() => import("./flags/page"), "FlagsPage") }),
  createRoute({
    ...parent,
    path: "/challenges",
    component: lazyRouteComponent(() => import("./challenges/page"), "ChallengesPage"),
  }),
  createRoute({
    ...parent,
    path: "/challenges/$id",
    component: lazyRouteComponent(() => import("./challenges/challenge-page"), "ChallengePage"),
  }),
  createRoute({
    ...parent,
    path: "/players",
    component: lazyRouteComponent(() => import("./players/page"), "PlayersPage"),
  }),
  createRoute({
    ...parent,
    path: "/monitoring",
    component: lazyRouteComponent(() => import("./monitoring/page"), "MonitoringPage"),
  }),
  createRoute({
    ...parent,
    path: "/settings",
    component: lazyRouteComponent(() => import("./settings/page"), "SettingsPage"),
  }),
]);

/** Makes the router of the admin panel at its path; a test gives it a history of its own. */
export function makeRouter(basepath: string, history?: RouterHistory) {
  return createRouter({
    routeTree,
    basepath,
    ...(history && { history }),
    ...plainSearch,
  });
}
