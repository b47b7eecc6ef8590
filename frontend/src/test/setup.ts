import "@testing-library/jest-dom/vitest";
import { cleanup, configure } from "@testing-library/react";
import { afterAll, afterEach, beforeAll, beforeEach, vi } from "vitest";
import { toast } from "@/components/ui/toast";
import { setServerTime } from "@/lib/clock";
import { FakeEventSource } from "./event-source";
import { server } from "./server";

// A page's code is loaded when it is shown first, which takes seconds where two processors do much else.
configure({ asyncUtilTimeout: 15_000 });

beforeAll(() => server.listen({ onUnhandledRequest: "error" }));

beforeEach(() => {
  FakeEventSource.reset();
  vi.stubGlobal("EventSource", FakeEventSource);
});

afterEach(() => {
  cleanup();
  server.resetHandlers();
  vi.useRealTimers();
  vi.unstubAllGlobals();
  sessionStorage.clear();
  localStorage.clear();
  toast.clear();
  setServerTime(new Date().toISOString());
});

afterAll(() => server.close());

// The router scrolls to the top of a new page; jsdom has no layout to scroll.
window.scrollTo = () => {};

// jsdom knows the element of a dialog, not how it opens.
HTMLDialogElement.prototype.showModal = function show(this: HTMLDialogElement) {
  this.open = true;
};
HTMLDialogElement.prototype.close = function close(this: HTMLDialogElement) {
  this.open = false;
  this.dispatchEvent(new Event("close"));
};
