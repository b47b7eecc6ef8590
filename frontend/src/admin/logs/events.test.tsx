import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
import { expect, it } from "vitest";
import type { AdminEvent } from "@/api/admin";
import { renderPanel } from "@/test/render-panel";
import { server } from "@/test/server";

function event(given: Partial<AdminEvent> = {}): AdminEvent {
  return {
    id: "e1",
    type: "instance_running",
    level: "info",
    at: "2030-01-01T12:00:00Z",
    challenge: "web-1",
    owner: "team_1",
    player: "user_1",
    instance: "web-1-team1-0a1b2c3d",
    request: "",
    message: "it runs",
    ...given,
  } as AdminEvent;
}

/** Answers a part of two, and says which questions came. */
function serveEvents(): URLSearchParams[] {
  const asked: URLSearchParams[] = [];
  server.use(
    http.get("*/admin/api/challenges/list", () => HttpResponse.json({ challenges: [] })),
    http.get("*/admin/api/owners", () =>
      HttpResponse.json({
        owners: [{ id: "team_1", name: "Red Pandas", live: 1, total: 2, last_at: null }],
      }),
    ),
    http.get("*/admin/api/logs/stats", () =>
      HttpResponse.json({ total: 2, types: [{ type: "instance_running", count: 2 }] }),
    ),
    http.get("*/admin/api/logs", ({ request }) => {
      const query = new URL(request.url).searchParams;
      asked.push(query);
      return HttpResponse.json(
        query.get("after") === "e1"
          ? { events: [event({ id: "e2", message: "an older one" })], next: "" }
          : { events: [event()], next: "e1" },
      );
    }),
  );
  return asked;
}

const last = (asked: URLSearchParams[]) => Object.fromEntries(asked.at(-1) ?? []);

it("asks for what its address selects", async () => {
  const asked = serveEvents();
  renderPanel("/logs?owner=team_1&type=instance_running");
  expect(await screen.findByText("it runs")).toBeVisible();
  expect(screen.getByRole("combobox", { name: "Player or team" })).toHaveValue("team_1");
  expect(screen.getByRole("combobox", { name: "Type" })).toHaveValue("instance_running");
  expect(last(asked)).toEqual({ owner: "team_1", type: "instance_running", limit: "200" });
});

it("writes what is typed into the address, letter by letter and without losing one", async () => {
  const user = userEvent.setup();
  const asked = serveEvents();
  const router = renderPanel("/logs");
  await screen.findByText("it runs");
  const search = screen.getByRole("searchbox");
  await user.type(search, "it runs again");
  expect(search).toHaveValue("it runs again");
  await user.type(screen.getByRole("textbox", { name: "Instance" }), "web-1 ");
  await waitFor(() => expect(router.state.location.searchStr).toBe("?q=it+runs+again&instance=web-1"));
  await waitFor(() => expect(last(asked)).toEqual({ q: "it runs again", instance: "web-1", limit: "200" }));
  await user.clear(search);
  await waitFor(() => expect(router.state.location.searchStr).toBe("?instance=web-1"));
});

it("shows what the address says when that changes by itself, and forgets all filters at once", async () => {
  const user = userEvent.setup();
  serveEvents();
  const router = renderPanel("/logs?q=old&owner=team_1");
  await screen.findByText("it runs");
  await router.navigate({ to: "/logs", search: { q: "new" } } as never);
  expect(screen.getByRole("searchbox")).toHaveValue("new");
  await user.click(screen.getByRole("button", { name: "Reset the filters" }));
  await waitFor(() => expect(router.state.location.searchStr).toBe(""));
  expect(screen.getByRole("searchbox")).toHaveValue("");
});

it("brings the next part on demand, and an entry's own filters", async () => {
  const user = userEvent.setup();
  serveEvents();
  const router = renderPanel("/logs");
  await user.click(await screen.findByRole("button", { name: "Load more" }));
  expect(await screen.findByText("an older one")).toBeVisible();
  expect(screen.queryByRole("button", { name: "Load more" })).toBeNull();
  await user.click(screen.getByText("an older one"));
  await user.click(screen.getByRole("button", { name: "Only events of this challenge" }));
  await waitFor(() => expect(router.state.location.searchStr).toBe("?challenge=web-1"));
});

it("finds a team by its name as by its id", async () => {
  const user = userEvent.setup();
  const asked = serveEvents();
  renderPanel("/logs");
  await screen.findByText("it runs");
  await user.type(screen.getByRole("combobox", { name: "Player or team" }), "red pandas");
  await waitFor(() => expect(last(asked)).toEqual({ owner: "team_1", limit: "200" }));
  expect(screen.getByRole("combobox", { name: "Player or team" })).toHaveValue("red pandas");
});
