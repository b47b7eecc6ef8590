import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
import { describe, expect, it } from "vitest";
import { FakeEventSource } from "@/test/event-source";
import { at, challenge, instance, snapshot, startingInstance, webRoute } from "@/test/fixtures";
import { renderDashboard } from "@/test/render";
import { problem, serve, server } from "@/test/server";

const card = (name: string) => screen.findByRole("article", { name });

describe("the list", () => {
  it("shows an address that can be opened and copied while the challenge is asleep", async () => {
    const user = userEvent.setup();
    serve();
    renderDashboard();
    const notes = within(await card("Notes"));
    expect(notes.getByText("Stopped")).toBeVisible();
    expect(notes.getByRole("link")).toHaveAttribute("href", webRoute.url);
    await user.click(notes.getByRole("button", { name: "Copy Web address" }));
    expect(await navigator.clipboard.readText()).toBe(webRoute.url);
    expect(notes.getByText("Copied")).toBeInTheDocument();
  });

  it("says whether CTFd takes the flag of a running copy, and nothing where there is none", async () => {
    const held = serve({ instances: [instance({ flag_state: "pending" })] });
    renderDashboard();
    const notes = within(await card("Notes"));
    expect(await notes.findByText("Your flag is being added to CTFd")).toBeVisible();
    held.instances = [instance({ flag_state: "live" })];
    FakeEventSource.current()?.send(snapshot(held.instances, 1));
    expect(await notes.findByText("CTFd accepts your flag")).toBeVisible();
    held.instances = [instance({ flag_state: "local" })];
    FakeEventSource.current()?.send(snapshot(held.instances, 2));
    await waitFor(() => expect(notes.queryByText(/your flag/i)).toBeNull());
  });

  it("keeps the place of a port that is not known yet", async () => {
    const route = { ...webRoute, type: "port" as const, url: "" };
    const open = { ...route, port: 31337, hint: "nc notes.instances.localhost 31337", wakes: false };
    const held = serve({ challenges: [challenge({ routes: [route] })] });
    renderDashboard();
    expect(await screen.findByText("You get a port when it starts.")).toBeVisible();
    held.instances = [instance({ routes: [open] })];
    FakeEventSource.current()?.send(snapshot(held.instances, 1));
    expect(await screen.findByText(open.hint)).toBeVisible();
    expect(screen.getByRole("button", { name: "Copy Network connection" })).toBeVisible();
  });

  it("is one line each in a long list, whatever runs, until a line is opened or led to", async () => {
    const user = userEvent.setup();
    const names = Array.from({ length: 13 }, (_, n) => `Challenge ${n}`);
    const challenges = names.map((name) => challenge({ id: name, name }));
    serve({ challenges, instances: [instance({ challenge_id: "Challenge 3", challenge_name: "Challenge 3" })] });
    renderDashboard();
    const line = within(await card("Challenge 3"));
    expect(await line.findByText("Running")).toBeVisible();
    expect(screen.getAllByRole("button", { expanded: false })).toHaveLength(names.length);
    await user.click(line.getByRole("button", { name: "Challenge 3" }));
    expect(line.getByRole("button", { name: /Stop/ })).toBeVisible();
    (await card("Challenge 4")).focus();
    expect(within(await card("Challenge 4")).getByRole("button", { expanded: false })).toBeVisible();
  });

  it("says of every way whether it starts the instance", async () => {
    const lines = { host: "notes.instances.localhost", url: "", hint: "nc notes.instances.localhost 31337" };
    const port = { ...webRoute, ...lines, name: "a port", type: "port" as const, port: 31337 };
    const routes = [webRoute, port, { ...port, name: "a port that is the engine's", wakes: false }];
    serve({ challenges: [challenge({ routes })] });
    renderDashboard();
    expect(await screen.findByText("Opening it starts your instance.")).toBeVisible();
    expect(screen.getAllByText(port.hint)).toHaveLength(2);
    expect(screen.getAllByText("Connecting to it starts your instance.")).toHaveLength(1);
    expect(screen.getAllByText("Start the challenge first.")).toHaveLength(1);
  });

  it("finds by words of the name, the category and the description, and writes that into the address", async () => {
    const user = userEvent.setup();
    serve({
      challenges: [challenge(), challenge({ id: "echo", name: "Echo", category: "pwn", description: "42 bytes" })],
    });
    const router = renderDashboard();
    await user.type(await screen.findByRole("searchbox"), "PWN 42");
    expect(await card("Echo")).toBeVisible();
    expect(screen.queryByRole("article", { name: "Notes" })).toBeNull();
    await waitFor(() => expect(router.state.location.searchStr).toBe("?q=PWN+42"));
  });

  it("opens with the search and the category of its address", async () => {
    serve({ challenges: [challenge(), challenge({ id: "echo", name: "Echo 7", category: "pwn" })] });
    renderDashboard("/?q=7&category=pwn");
    expect(await card("Echo 7")).toBeVisible();
    expect(screen.queryByRole("article", { name: "Notes" })).toBeNull();
    expect(screen.getByRole("searchbox")).toHaveValue("7");
    expect(screen.getByRole("radio", { name: "pwn" })).toBeChecked();
  });

  it("brings the challenge of its address into sight", async () => {
    serve({ challenges: [challenge(), challenge({ id: "echo", name: "Echo" })] });
    renderDashboard("/?challenge=echo");
    expect(await card("Echo")).toHaveFocus();
  });

  it("marks what is solved, and leaves it out on request, but never what runs", async () => {
    const user = userEvent.setup();
    localStorage.clear();
    const held = serve({ challenges: [challenge({ solved: true }), challenge({ id: "echo", name: "Echo" })] });
    renderDashboard();
    expect(within(await card("Notes")).getByText("Solved")).toBeVisible();
    expect(within(await card("Echo")).queryByText("Solved")).toBeNull();
    await user.click(screen.getByRole("button", { name: "Hide solved (1)" }));
    expect(screen.queryByRole("article", { name: "Notes" })).toBeNull();
    held.instances = [instance()];
    FakeEventSource.current()?.send(snapshot(held.instances, 1));
    expect(await card("Notes")).toBeVisible();
    await user.click(screen.getByRole("button", { name: "Hide solved (1)" }));
  });

  it("counts down to a challenge that opens later, and then offers it", async () => {
    const held = serve({ challenges: [challenge({ opens_at: at(3), routes: [], description: "" })] });
    renderDashboard();
    const notes = within(await card("Notes"));
    expect(notes.getByText(/opens in/)).toBeVisible();
    expect(notes.queryByRole("button", { name: "Start Notes" })).toBeNull();
    held.challenges = [challenge()];
    expect(await screen.findByRole("button", { name: "Start Notes" })).toBeVisible();
  });

  it("offers all challenges when none matches", async () => {
    const user = userEvent.setup();
    serve();
    renderDashboard("/?q=nothing");
    await user.click(await screen.findByRole("button", { name: "Show all challenges" }));
    expect(await card("Notes")).toBeVisible();
  });

  it("tells an organiser where challenges come from when there are none", async () => {
    serve({ challenges: [] });
    renderDashboard();
    expect(await screen.findByText(/CHALLENGES_DIR/)).toBeVisible();
  });

  it("counts down to the event's beginning, and then shows what there is", async () => {
    const event = { begins_at: at(3600), ends_at: null, paused: false };
    const held = serve({ challenges: [], event });
    renderDashboard();
    expect(await screen.findByRole("heading", { name: "The event has not begun" })).toBeVisible();
    expect(screen.getByText(/^(1:00:00|\d\d:\d\d)$/)).toBeVisible();
    held.event = { ...event, begins_at: at(-1) };
    held.challenges = [challenge()];
    window.dispatchEvent(new Event("visibilitychange"));
    expect(await card("Notes")).toBeVisible();
  });

  it("says that the event is over", async () => {
    serve({ challenges: [], event: { begins_at: null, ends_at: at(-1), paused: false } });
    renderDashboard();
    expect(await screen.findByRole("heading", { name: "The event is over" })).toBeVisible();
  });

  it("says that the event is paused, and goes on showing what there is", async () => {
    serve({ event: { begins_at: null, ends_at: null, paused: true } });
    renderDashboard();
    expect(await screen.findByText(/paused the event/)).toBeVisible();
    expect(await card("Notes")).toBeVisible();
  });

  it("says why it could not be loaded, and tries again", async () => {
    const user = userEvent.setup();
    serve();
    server.use(
      http.get("*/challenges", () => problem(503, "database", "The database does not answer."), { once: true }),
    );
    renderDashboard();
    expect(await screen.findByText("The database does not answer.")).toBeVisible();
    await user.click(screen.getByRole("button", { name: "Try again" }));
    expect(await card("Notes")).toBeVisible();
  });

  it("says that an unknown address belongs to no page", async () => {
    renderDashboard("/nowhere");
    expect(await screen.findByRole("heading", { name: "There is nothing here" })).toBeVisible();
  });
});

describe("the quota", () => {
  it("counts live instances only", async () => {
    serve({
      instances: [
        instance(),
        startingInstance({ id: "b", challenge_id: "b" }),
        instance({ id: "c", challenge_id: "c", state: "failed" }),
      ],
    });
    renderDashboard();
    expect(await screen.findByRole("meter", { name: "Your instances" })).toHaveAttribute("value", "2");
    expect(screen.getAllByText("2 of 3 running")[0]).toBeVisible();
  });
});

describe("the player's copy", () => {
  it("starts, shows what is done, and runs when the stream says so", async () => {
    const user = userEvent.setup();
    const held = serve();
    server.use(
      http.post("*/instances/spawn", async ({ request }) => {
        expect(await request.json()).toEqual({ challenge_id: "notes" });
        held.instances = [startingInstance()];
        return HttpResponse.json(startingInstance(), { status: 202 });
      }),
    );
    renderDashboard();
    const notes = within(await card("Notes"));
    await user.click(notes.getByRole("button", { name: "Start Notes" }));
    expect(await notes.findByText("Starting web")).toBeVisible();
    expect(notes.getByRole("progressbar")).toBeInTheDocument();
    held.instances = [instance()];
    FakeEventSource.current()?.send(snapshot(held.instances, 1));
    expect(await notes.findByText("Running")).toBeVisible();
    expect(notes.queryByRole("progressbar")).toBeNull();
  });

  it("shows its place in the queue", async () => {
    serve({ instances: [startingInstance({ state: "queued", stage: "", position: 3, estimate_ms: 6500 })] });
    renderDashboard();
    expect(await screen.findByText("Number 3 in the queue, about 7 s")).toBeVisible();
  });

  it("stops after a confirmation, and only then", async () => {
    const user = userEvent.setup();
    const held = serve({ instances: [instance()] });
    let stopped = 0;
    server.use(
      http.delete("*/instances/notes-p1-0a1b2c3d", () => {
        stopped += 1;
        held.instances = [];
        return HttpResponse.json(instance({ state: "stopping" }), { status: 202 });
      }),
    );
    renderDashboard();
    const stop = await screen.findByRole("button", { name: "Stop Notes" });
    await user.click(stop);
    await user.click(screen.getByRole("button", { name: "Keep it running" }));
    expect(screen.queryByRole("alertdialog")).toBeNull();
    expect(stopped).toBe(0);
    await user.click(stop);
    await user.click(within(screen.getByRole("alertdialog", { name: "Stop Notes?" })).getByText("Stop it"));
    expect(await screen.findByRole("button", { name: "Start Notes" })).toBeVisible();
    expect(stopped).toBe(1);
  });

  it("is extended by a step, within the rule that it tells", async () => {
    const user = userEvent.setup();
    const held = serve({ instances: [instance()] });
    server.use(
      http.post("*/instances/notes-p1-0a1b2c3d/extend", () => {
        held.instances = [instance({ extend: { step: 0, from: null, left: 0, allowed: false } })];
        return HttpResponse.json(held.instances[0]);
      }),
    );
    renderDashboard();
    expect(await screen.findByText("Can be extended by up to 1 h")).toBeVisible();
    await user.click(screen.getByRole("button", { name: "Extend Notes by 30 min" }));
    expect(await screen.findByText("Can't be extended further")).toBeVisible();
    expect(screen.queryByRole("button", { name: /Extend/ })).toBeNull();
  });

  it("says why it failed and when to try again", async () => {
    const user = userEvent.setup();
    const failed = { title: "", status: 503, code: "spawn_failed", detail: "The service web ended.", retry_after: 30 };
    const held = serve({ instances: [startingInstance({ state: "failed", problem: failed })] });
    let asked = 0;
    server.use(
      http.post("*/instances/spawn", () => {
        asked += 1;
        return HttpResponse.json(startingInstance(), { status: 202 });
      }),
    );
    renderDashboard();
    expect(await screen.findByText("The service web ended.")).toBeVisible();
    expect(screen.getByText(/^You can try again in 0:(30|29)$/)).toBeVisible();
    const retry = screen.getByRole("button", { name: "Retry Notes" });
    await user.click(retry);
    expect(asked).toBe(0); // it would only be refused
    held.instances = [startingInstance({ state: "failed", problem: { ...failed, retry_after: 0 } })];
    FakeEventSource.current()?.send(snapshot(held.instances, 40));
    await waitFor(() => expect(retry).not.toHaveAttribute("aria-disabled"));
    held.instances = [startingInstance()];
    held.seconds = 41;
    await user.click(retry);
    expect(await screen.findByText("Starting web")).toBeVisible();
  });

  it("says why a start was refused", async () => {
    const user = userEvent.setup();
    serve();
    server.use(
      http.post("*/instances/spawn", () => problem(429, "quota_reached", "You have 3 instances. Stop one first.")),
    );
    renderDashboard();
    await user.click(await screen.findByRole("button", { name: "Start Notes" }));
    expect(await screen.findByText("You have 3 instances. Stop one first.")).toBeVisible();
    expect(screen.getByText("Stopped")).toBeVisible();
    await user.click(screen.getByRole("button", { name: "Dismiss" }));
    expect(screen.queryByText("You have 3 instances. Stop one first.")).toBeNull();
  });

  it("stays in front of its player when the organisers close the challenge, until it ends", async () => {
    const held = serve({ challenges: [challenge({ closed: true })], instances: [instance()] });
    renderDashboard();
    const notes = within(await card("Notes"));
    expect(await notes.findByText(/^Closed by the organisers; yours runs until \d\d:\d\d$/)).toBeVisible();
    expect(notes.getByRole("link", { name: /Open/ })).toHaveAttribute("href", webRoute.url);
    expect(notes.getByRole("button", { name: "Stop Notes" })).toBeVisible();
    expect(notes.queryByRole("button", { name: "Restart Notes" })).toBeNull();
    held.instances = [];
    FakeEventSource.current()?.send(snapshot([], 1));
    await waitFor(() => expect(screen.queryByRole("article", { name: "Notes" })).toBeNull());
  });

  it("is named where all are in use, to be stopped for another", async () => {
    const user = userEvent.setup();
    const held = serve({ challenges: [challenge(), challenge({ id: "echo", name: "Echo" })], instances: [instance()] });
    const calls: string[] = [];
    server.use(
      http.post("*/instances/spawn", () => {
        calls.push("spawn");
        if (held.instances.length > 0) return problem(429, "quota_reached", "All in use.");
        held.instances = [startingInstance({ id: "e", challenge_id: "echo" })];
        return HttpResponse.json(held.instances[0], { status: 202 });
      }),
      http.delete("*/instances/notes-p1-0a1b2c3d", () => {
        calls.push("stop");
        held.instances = [];
        return HttpResponse.json(instance({ state: "stopping" }), { status: 202 });
      }),
    );
    renderDashboard();
    const echo = within(await card("Echo"));
    await user.click(echo.getByRole("button", { name: "Start Echo" }));
    await user.click(await echo.findByRole("button", { name: "Stop Notes and start Echo" }));
    expect(await echo.findByText("Starting web")).toBeVisible();
    expect(calls).toEqual(["spawn", "stop", "spawn"]);
  });

  it("cannot be started while starting is paused, and the page says why above all", async () => {
    const held = serve();
    held.config = { ...held.config, notice: "New instances are paused." };
    renderDashboard();
    const start = within(await card("Notes")).getByRole("button", { name: "Start Notes" });
    await waitFor(() => expect(start).toHaveAttribute("aria-disabled", "true"));
    expect(screen.getByText("New instances are paused.")).toBeVisible();
  });

  it("is restarted in one click", async () => {
    const user = userEvent.setup();
    const held = serve({ instances: [instance()] });
    server.use(
      http.post("*/instances/notes-p1-0a1b2c3d/restart", () => {
        held.instances = [startingInstance({ id: "again" })];
        return HttpResponse.json(held.instances[0], { status: 202 });
      }),
    );
    renderDashboard();
    await user.click(await screen.findByRole("button", { name: "Restart Notes" }));
    expect(await within(await card("Notes")).findByText("Starting web")).toBeVisible();
  });

  it("says that it sleeps, and opening it is still what to do", async () => {
    serve({ instances: [instance({ state: "sleeping" })] });
    renderDashboard();
    const notes = within(await card("Notes"));
    expect(await notes.findByText("Asleep, opens in a moment")).toBeVisible();
    expect(notes.getByRole("link", { name: /^Open/ })).toHaveAttribute("href", webRoute.url);
    expect(notes.queryByRole("button", { name: "Wake Notes" })).toBeNull();
    expect(notes.getByRole("button", { name: "Stop Notes" })).toBeVisible();
  });

  it("is woken by a button where it has no web page", async () => {
    const user = userEvent.setup();
    const route = { ...webRoute, type: "port" as const, url: "" };
    const held = serve({ instances: [instance({ state: "sleeping", routes: [route] })] });
    server.use(
      http.post("*/instances/spawn", () => {
        held.instances = [startingInstance({ version: 4 })];
        return HttpResponse.json(held.instances[0], { status: 202 });
      }),
    );
    renderDashboard();
    await user.click(await screen.findByRole("button", { name: "Wake Notes" }));
    expect(await within(await card("Notes")).findByText("Starting web")).toBeVisible();
  });
});

describe("many challenges", () => {
  const many = Array.from({ length: 14 }, (_, n) => challenge({ id: `c${n}`, name: `Challenge ${n + 10}` }));

  it("are a line each, and the keyboard leads to and through them", async () => {
    const user = userEvent.setup();
    serve({ challenges: many });
    renderDashboard();
    const first = await card("Challenge 10");
    expect(within(first).queryByText(/secret/)).toBeNull();
    await user.keyboard("/");
    expect(screen.getByRole("searchbox")).toHaveFocus();
    first.focus();
    await user.keyboard("{ArrowDown}{ArrowDown}{ArrowUp}");
    expect(await card("Challenge 11")).toHaveFocus();
    await user.click(within(first).getByRole("button", { name: "Challenge 10" }));
    expect(within(await card("Challenge 10")).getByText(/secret/)).toBeVisible();
    await user.click(screen.getByRole("radio", { name: "Cards" }));
    expect(within(await card("Challenge 12")).getByText(/secret/)).toBeVisible();
  });
});
