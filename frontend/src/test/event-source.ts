import { act } from "@testing-library/react";
import type { Snapshot } from "@/api/types";

/** Stands in for the browser's EventSource, which jsdom has not: a test opens, feeds and breaks it. */
export class FakeEventSource extends EventTarget {
  private static all: FakeEventSource[] = [];
  private closed = false;

  constructor(readonly url: string) {
    super();
    FakeEventSource.all.push(this);
  }

  close(): void {
    this.closed = true;
  }

  /** Forgets those of the test before. */
  static reset(): void {
    FakeEventSource.all = [];
  }

  /** The stream that the page listens to now. */
  static current(): FakeEventSource | undefined {
    return FakeEventSource.all.findLast((source) => !source.closed);
  }

  /** How many streams the page has opened so far. */
  static count(): number {
    return FakeEventSource.all.length;
  }

  /** The server accepts the stream. */
  accept(): void {
    act(() => void this.dispatchEvent(new Event("open")));
  }

  /** The server sends the player's instances. */
  send(snapshot: Snapshot): void {
    act(() => void this.dispatchEvent(new MessageEvent("instances", { data: JSON.stringify(snapshot) })));
  }

  /** Later streams of the same player take this one's place. */
  replace(): void {
    act(() => void this.dispatchEvent(new MessageEvent("replaced", { data: "{}" })));
  }

  /** The connection is lost. */
  lose(): void {
    act(() => void this.dispatchEvent(new Event("error")));
  }
}
