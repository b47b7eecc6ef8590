import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
import { expect, test } from "vitest";
import { config, me } from "@/test/fixtures";
import { renderDashboard } from "@/test/render";
import { problem, serve, server } from "@/test/server";

const ctfd = { ...config, auth_mode: "ctfd" as const, ctfd_url: "https://ctfd.example/" };

test("whoever is not signed in comes to the sign-in page, and it knows the way back", async () => {
  serve().config = ctfd;
  server.use(http.get("*/me", () => problem(401, "player_unknown", "Sign in.")));
  const router = renderDashboard("/?q=web");
  expect(await screen.findByRole("heading", { name: "Sign in" })).toBeInTheDocument();
  expect(router.state.location.pathname).toBe("/login");
  expect(screen.getByRole("link", { name: /Make a token in CTFd/ })).toHaveAttribute(
    "href",
    "https://ctfd.example/settings#tokens",
  );
});

test("a token that is refused is answered in the server's words, and can be tried again", async () => {
  serve().config = ctfd;
  const sent: unknown[] = [];
  server.use(
    http.post("*/auth/login", async ({ request }) => {
      sent.push(await request.json());
      return problem(401, "token_refused", "Your access token has expired. Make another.");
    }),
  );
  const user = userEvent.setup();
  renderDashboard("/login?next=%2F");
  await user.type(await screen.findByLabelText("Access token of CTFd"), " ctfd_abc ");
  await user.keyboard("{Enter}");
  expect(await screen.findByRole("alert")).toHaveTextContent("Your access token has expired. Make another.");
  expect(sent).toEqual([{ token: "ctfd_abc" }]);
});

test("a player who may not play learns why and can sign out", async () => {
  serve().config = ctfd;
  server.use(http.get("*/me", () => problem(403, "team_required", "Join a team in CTFd first.")));
  renderDashboard();
  expect(await screen.findByRole("alert")).toHaveTextContent("Join a team in CTFd first.");
  expect(screen.getByRole("button", { name: "Sign out" })).toBeInTheDocument();
});

test("a player in a team sees with whom the copies are shared", async () => {
  const held = serve();
  held.config = ctfd;
  held.me = { ...me, auth_mode: "ctfd", team_mode: true, owner: { id: "team_4", name: "Red Pandas" } };
  renderDashboard();
  expect(await screen.findByText("Shared with everybody in Red Pandas")).toBeInTheDocument();
  expect(screen.getByRole("button", { name: "Sign out" })).toBeInTheDocument();
});

test("what the organisers want all to know is shown while it holds", async () => {
  serve().config = { ...config, notice: "We pause for ten minutes." };
  renderDashboard();
  expect(await screen.findByText("We pause for ten minutes.")).toBeInTheDocument();
});

test("the line for curl is made with a ticket when it is asked for", async () => {
  serve();
  const asked: unknown[] = [];
  server.use(
    http.post("*/auth/ticket", async ({ request }) => {
      asked.push(await request.json());
      return HttpResponse.json({ curl: "curl -H 'X-Whaley-Ticket: t' http://a/" });
    }),
  );
  const user = userEvent.setup();
  renderDashboard();
  await user.click(await screen.findByRole("button", { name: "Copy as curl with your ticket" }));
  await waitFor(async () =>
    expect(await navigator.clipboard.readText()).toBe("curl -H 'X-Whaley-Ticket: t' http://a/"),
  );
  expect(asked).toEqual([{ host: "notes-q3k5x7m2p4a6c.instances.localhost" }]);
});
