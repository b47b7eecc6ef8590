import { QueryClientProvider } from "@tanstack/react-query";
import { createMemoryHistory, RouterProvider } from "@tanstack/react-router";
import { render } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { vi } from "vitest";
import { makeClient } from "@/admin/kit/client";
import type { Role } from "@/admin/kit/takes";
import { makeRouter } from "@/admin/router";
import { server } from "./server";

/** Shows the panel at an address, to an organiser with a role; every question but who they are is the test's. */
export function renderPanel(address: string, role: Role = "admin") {
  // jsdom has no layout, and a table draws the rows that are in sight.
  vi.spyOn(Element.prototype, "clientHeight", "get").mockReturnValue(800);
  server.use(http.get("*/admin/api/whoami", () => HttpResponse.json({ name: "Ada", role, shells: true })));
  const router = makeRouter("/admin", createMemoryHistory({ initialEntries: [`/admin${address}`] }));
  render(
    <QueryClientProvider client={makeClient()}>
      <RouterProvider router={router} />
    </QueryClientProvider>,
  );
  return router;
}
