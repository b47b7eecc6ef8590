import { act, screen, within } from "@testing-library/react";
import { HttpResponse, http } from "msw";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeEventSource } from "@/test/event-source";
import { instance, serverTime, snapshot, startingInstance } from "@/test/fixtures";
import { renderDashboard } from "@/test/render";
import { serve, server } from "@/test/server";

// The browser's clock is a day and some behind the server's.
const wrongClock = serverTime - 100_000_000;

const second = 1_000;
const pass = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms));

function hide(hidden: boolean) {
  vi.spyOn(document, "hidden", "get").mockReturnValue(hidden);
  act(() => void document.dispatchEvent(new Event("visibilitychange")));
}

beforeEach(() => {
  vi.useFakeTimers({ shouldAdvanceTime: true, now: wrongClock });
});

afterEach(() => {
  vi.restoreAllMocks();
});

describe("the countdown", () => {
  it("goes by the server's time and not by the browser's", async () => {
    serve({ instances: [instance()] });
    renderDashboard();
    const notes = within(await screen.findByRole("article", { name: "Notes" }));
    const left = await notes.findByText(/^(30:00|29:5\d)$/);
    await pass(60 * second);
    expect(left).toHaveTextContent(/^(29:00|28:5\d)$/);
    expect(left).toHaveAttribute("datetime", expect.stringMatching(/^PT17\d\dS$/));
  });

  it("allows extending at half-time by itself", async () => {
    const from = new Date(serverTime + 5 * second).toISOString();
    serve({ instances: [instance({ extend: { step: 1800, from, left: 3600, allowed: false } })] });
    renderDashboard();
    const extend = await screen.findByRole("button", { name: "Extend Notes by 30 min" });
    expect(extend).toHaveAttribute("aria-disabled", "true");
    expect(screen.getByText(/^You can extend from \d\d:\d\d$/)).toBeVisible();
    await pass(6 * second);
    expect(extend).not.toHaveAttribute("aria-disabled");
  });

  it("says when the time is up", async () => {
    serve({ instances: [instance({ expires_at: new Date(serverTime + 2 * second).toISOString() })] });
    renderDashboard();
    await screen.findByText("left");
    await pass(4 * second);
    expect(screen.getByText("Time is up")).toBeVisible();
  });
});

describe("the end", () => {
  it("is announced in the tab's title from five minutes on, and told when it has come", async () => {
    const end = new Date(serverTime + 302 * second).toISOString();
    const held = serve({ instances: [instance({ expires_at: end })] });
    renderDashboard();
    const notes = within(await screen.findByRole("article", { name: "Notes" }));
    const clock = await notes.findByText(/^5:0\d$/);
    expect(document.title).toBe("Challenges · Whaley");
    await pass(10 * second);
    expect(document.title).toMatch(/^\(4:5\d\) Notes · Whaley$/);
    expect(clock).toHaveClass("text-busy");
    await pass(240 * second);
    expect(clock).toHaveClass("text-bad");
    await pass(60 * second);
    held.seconds = 310;
    held.instances = [];
    FakeEventSource.current()?.send(snapshot([], 320));
    expect(await notes.findByText(/^Time was up at \d\d:\d\d$/)).toBeVisible();
    expect(notes.getByRole("button", { name: "Start Notes" })).toBeVisible();
    expect(document.title).toBe("Challenges · Whaley");
  });
});

describe("the connection", () => {
  it("asks every few seconds while there is no stream, and listens again as soon as there is", async () => {
    const held = serve();
    renderDashboard();
    const notes = within(await screen.findByRole("article", { name: "Notes" }));
    FakeEventSource.current()?.accept();
    expect(screen.getByText("Live")).toBeVisible();

    FakeEventSource.current()?.lose();
    expect(screen.getByText("Reconnecting")).toBeVisible();
    held.instances = [startingInstance()];
    await pass(5 * second);
    expect(await notes.findByText("Starting")).toBeVisible();

    expect(FakeEventSource.count()).toBe(2);
    FakeEventSource.current()?.accept();
    expect(screen.getByText("Live")).toBeVisible();
    const asked = held.asked;
    await pass(20 * second);
    expect(held.asked).toBe(asked);
  });

  it("says since when nothing new arrives, keeps what it has, and recovers", async () => {
    serve({ instances: [instance()] });
    renderDashboard();
    await screen.findByText("Running");
    server.use(http.get("*/instances", () => HttpResponse.error()));
    FakeEventSource.current()?.lose();
    await pass(5 * second);
    expect(await screen.findByText("Offline")).toBeVisible();
    expect(screen.getByText(/^No connection to Whaley since /)).toBeVisible();
    expect(screen.getByText("Running")).toBeVisible();

    serve({ instances: [instance()] });
    FakeEventSource.current()?.accept();
    FakeEventSource.current()?.send(snapshot([instance()], 6));
    expect(await screen.findByText("Live")).toBeVisible();
    expect(screen.queryByText(/^No connection/)).toBeNull();
  });

  it("lets no older answer replace a newer one", async () => {
    serve();
    renderDashboard();
    await screen.findByText("Stopped");
    FakeEventSource.current()?.send(snapshot([instance()], 10));
    expect(await screen.findByText("Running")).toBeVisible();
    FakeEventSource.current()?.send(snapshot([startingInstance()], 9));
    await pass(second);
    expect(screen.getByText("Running")).toBeVisible();
  });

  it("asks now and then when later pages took its stream, and listens again once somebody comes back to it", async () => {
    const held = serve();
    renderDashboard();
    await screen.findByText("Stopped");
    FakeEventSource.current()?.accept();
    FakeEventSource.current()?.replace();
    held.instances = [instance()];
    await pass(30 * second);
    expect(await screen.findByText("Running")).toBeVisible();
    expect(FakeEventSource.count()).toBe(1);
    hide(true);
    hide(false);
    expect(FakeEventSource.count()).toBe(2);
  });

  it("holds no stream open while nobody looks", async () => {
    serve();
    renderDashboard();
    await screen.findByText("Stopped");
    expect(FakeEventSource.current()).toBeDefined();
    hide(true);
    expect(FakeEventSource.current()).toBeUndefined();
    hide(false);
    expect(FakeEventSource.current()).toBeDefined();
  });
});
