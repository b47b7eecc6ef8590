import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { leaveFor } from "@/lib/leave";
import { config, me } from "@/test/fixtures";
import { renderDashboard } from "@/test/render";
import { problem, serve, server } from "@/test/server";

vi.mock("@/lib/leave", () => ({ leaveFor: vi.fn() }));

const stranger = () => server.use(http.get("*/me", () => problem(401, "player_unknown", "Sign in.")));

const ctfd = { ...config, auth_mode: "ctfd" as const, ctfd_url: "https://ctfd.example/" };

test("whoever is not signed in comes to the sign-in page, and it knows the way back", async () => {
  serve().config = ctfd;
  stranger();
  const router = renderDashboard("/?q=web");
  expect(await screen.findByRole("heading", { name: "Sign in" })).toBeInTheDocument();
  expect(router.state.location.pathname).toBe("/login");
  expect(screen.getByRole("link", { name: /Create a token in CTFd/ })).toHaveAttribute(
    "href",
    "https://ctfd.example/settings",
  );
});

test("a token that is refused is answered in the server's words, and can be tried again", async () => {
  serve().config = ctfd;
  stranger();
  const sent: unknown[] = [];
  server.use(
    http.post("*/auth/login", async ({ request }) => {
      sent.push(await request.json());
      return problem(401, "token_refused", "Your access token has expired. Make another.");
    }),
  );
  const user = userEvent.setup();
  renderDashboard("/login?next=%2F");
  await user.type(await screen.findByLabelText("CTFd access token"), " ctfd_abc ");
  await user.keyboard("{Enter}");
  expect(await screen.findByRole("alert")).toHaveTextContent("Your access token has expired. Make another.");
  expect(sent).toEqual([{ token: "ctfd_abc" }]);
});

test("whoever is signed in already does not stay at the sign-in page, wherever its address leads", async () => {
  serve().config = ctfd;
  for (const [next, where] of [
    ["%2Fgo%2Fnotes", "/go/notes"],
    ["%2Flogin%3Fnext%3D%252F", "/"],
  ]) {
    vi.mocked(leaveFor).mockClear();
    renderDashboard(`/login?next=${next}`);
    await waitFor(() => expect(leaveFor).toHaveBeenCalledWith(where));
  }
});

test("a sign-in without a token says what is missing", async () => {
  serve().config = ctfd;
  stranger();
  renderDashboard("/login");
  await userEvent.setup().click(await screen.findByRole("button", { name: "Sign in" }));
  expect(screen.getByLabelText("CTFd access token")).toHaveAccessibleDescription("Enter your token first.");
});

describe("where a provider of sign-ins has the accounts", () => {
  const assign = vi.mocked(leaveFor);
  beforeEach(() => {
    serve().config = { ...config, auth_mode: "oidc" as const };
    stranger();
    assign.mockClear();
  });

  test("the sign-in goes there by itself and knows the way on", async () => {
    renderDashboard("/login?next=%2Fgo%2Fnotes");
    await waitFor(() => expect(assign).toHaveBeenCalledWith("/auth/oidc?next=%2Fgo%2Fnotes"));
  });

  test("what went wrong is said, and it begins with a click only", async () => {
    renderDashboard("/login?stay=yes&failed=team_required");
    expect(await screen.findByText(/your account is in none/)).toBeVisible();
    expect(await screen.findByText(/account of this event/)).toBeVisible();
    expect(assign).not.toHaveBeenCalled();
    await userEvent.setup().click(screen.getByRole("button", { name: "Sign in" }));
    expect(assign).toHaveBeenCalledWith("/auth/oidc?next=%2F");
  });
});

describe("where CTFd has a page that signs in", () => {
  const withPage = { ...ctfd, ctfd_sign_in: "https://ctfd.example/whaley" };
  const assign = vi.mocked(leaveFor);
  beforeEach(() => {
    serve().config = withPage;
    stranger();
    sessionStorage.clear();
    assign.mockClear();
  });
  afterEach(() => window.history.replaceState(null, "", "/"));
  const underway = () => JSON.parse(sessionStorage.getItem("whaley-sign-in") ?? "{}");

  test("the sign-in goes there by itself and knows the way on", async () => {
    renderDashboard("/login?next=%2Fgo%2Fnotes");
    await waitFor(() => expect(assign).toHaveBeenCalledTimes(1));
    expect(assign).toHaveBeenCalledWith(`https://ctfd.example/whaley?state=${underway().state}`);
    expect(underway()).toMatchObject({ next: "/go/notes", state: expect.stringMatching(/^[0-9a-f]{32}$/) });
  });

  test("a code of the plugin in CTFd signs in as well", async () => {
    const sent: unknown[] = [];
    server.use(
      http.post("*/auth/login", async ({ request }) => {
        sent.push(await request.json());
        return HttpResponse.json(me);
      }),
    );
    sessionStorage.setItem("whaley-sign-in", JSON.stringify({ state: "s1", next: "/go/notes", at: Date.now() }));
    window.history.replaceState(null, "", "/login#handover=abc&state=s1");
    renderDashboard("/login");
    await waitFor(() => expect(assign).toHaveBeenCalledWith("/go/notes"));
    expect(sent).toEqual([{ code: "abc", state: "s1" }]);
    expect(window.location.hash).toBe("");
  });

  test("what comes back is posted, leaves the address and leads on", async () => {
    const sent: unknown[] = [];
    server.use(
      http.post("*/auth/login", async ({ request }) => {
        sent.push(await request.json());
        return HttpResponse.json(me);
      }),
    );
    sessionStorage.setItem("whaley-sign-in", JSON.stringify({ state: "s1", next: "/go/notes", at: Date.now() }));
    window.history.replaceState(null, "", "/login#ctfd=ctfd_abc&id=7&state=s1");
    renderDashboard("/login");
    await waitFor(() => expect(assign).toHaveBeenCalledWith("/go/notes"));
    expect(sent).toEqual([{ token: "ctfd_abc", token_id: 7 }]);
    expect(window.location.hash).toBe("");
    expect(sessionStorage.getItem("whaley-sign-in")).toBeNull();
  });

  test("a sign-in that this tab did not begin counts for nothing", async () => {
    let asked = 0;
    server.use(
      http.post("*/auth/login", () => {
        asked++;
        return HttpResponse.json(me);
      }),
    );
    window.history.replaceState(null, "", "/login#ctfd=ctfd_evil&id=7&state=s1");
    renderDashboard("/login");
    expect(await screen.findByRole("alert")).toHaveTextContent("did not begin in this tab");
    expect(window.location.hash).toBe("");
    expect([asked, assign.mock.calls.length]).toEqual([0, 0]);
  });

  test.each(["/login?stay=yes", "/login?by=token"])("%s stays, with a button for the way there", async (address) => {
    renderDashboard(address);
    await userEvent.setup().click(await screen.findByRole("button", { name: "Sign in with CTFd" }));
    expect(assign).toHaveBeenCalledTimes(1);
  });

  test("whoever comes back from there without an answer is not sent there again", async () => {
    sessionStorage.setItem("whaley-sign-in", JSON.stringify({ state: "s1", next: "/", at: Date.now() - 5000 }));
    renderDashboard("/login");
    expect(await screen.findByRole("button", { name: "Sign in with CTFd" })).toBeInTheDocument();
    expect(assign).not.toHaveBeenCalled();
  });
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
  expect(await screen.findByText("Shared with everyone in Red Pandas")).toBeInTheDocument();
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
