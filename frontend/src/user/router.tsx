import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  type RouterHistory,
} from "@tanstack/react-router";
import { plainSearch } from "@/lib/search";
import { ChallengesPage } from "./challenges-page";
import { Crashed, NotFound } from "./dead-ends";

/** What the address of the challenges may carry. */
export type ChallengeSearch = { q?: string; category?: string; challenge?: string };

/** What the address of the sign-in may carry: where to go on to, and that the player wants to stay on the page. */
export type LoginSearch = { next?: string; by?: "token"; stay?: "yes"; failed?: string };

const rootRoute = createRootRoute({ notFoundComponent: NotFound, errorComponent: Crashed });

// sidecar/internal/web/handler.go has the same list of addresses.
const indexRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/",
  validateSearch: (search: Record<string, unknown>): ChallengeSearch => ({
    ...(typeof search.q === "string" && search.q !== "" && { q: search.q }),
    ...(typeof search.category === "string" && search.category !== "" && { category: search.category }),
    ...(typeof search.challenge === "string" && search.challenge !== "" && { challenge: search.challenge }),
  }),
  component: ChallengesPage,
});

const loginRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/login",
  validateSearch: (search: Record<string, unknown>): LoginSearch => ({
    ...(typeof search.next === "string" && { next: search.next }),
    ...(search.by === "token" && { by: search.by }),
    ...(search.stay === "yes" && { stay: search.stay }),
    ...(typeof search.failed === "string" && { failed: search.failed }),
  }),
  component: lazyRouteComponent(() => import("./login-page"), "LoginPage"),
});

const routeTree = rootRoute.addChildren([indexRoute, loginRoute]);

/** Makes the router of the player dashboard; a test gives it a history of its own. */
export function makeRouter(history?: RouterHistory) {
  return createRouter({
    routeTree,
    ...(history && { history }),
    ...plainSearch,
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
