import { act, renderHook } from "@testing-library/react";
import { beforeEach, expect, it, vi } from "vitest";
import { setServerTime } from "@/lib/clock";
import { at, instance, serverTime } from "@/test/fixtures";
import { useReminders } from "./reminders";

const told: string[] = [];

class FakeNotification {
  static permission = "default";
  static requestPermission = vi.fn(async () => {
    FakeNotification.permission = "granted";
    return "granted";
  });
  constructor(title: string) {
    told.push(title);
  }
}

beforeEach(() => {
  told.length = 0;
  localStorage.clear();
  vi.useFakeTimers({ now: serverTime });
  setServerTime(at(0));
  vi.stubGlobal("isSecureContext", true);
  vi.stubGlobal("Notification", FakeNotification);
});

it("reminds twice before an instance's end, and again after it was extended, but only who asked for it", async () => {
  const held = new Map([["notes", instance({ expires_at: at(310) })]]);
  const { result, rerender } = renderHook(({ all }) => useReminders(all), { initialProps: { all: held } });
  act(() => void vi.advanceTimersByTime(20_000));
  expect(told).toEqual([]);
  expect(FakeNotification.requestPermission).not.toHaveBeenCalled();

  rerender({ all: new Map([["notes", instance({ expires_at: at(340) })]]) });
  await act(async () => result.current[1]());
  expect(result.current[0]).toBe("on");
  act(() => void vi.advanceTimersByTime(30_000));
  expect(told).toEqual(["Notes ends in 5 min"]);
  act(() => void vi.advanceTimersByTime(240_000));
  expect(told).toEqual(["Notes ends in 5 min", "Notes ends in 1 min"]);

  rerender({ all: new Map([["notes", instance({ expires_at: at(700) })]]) });
  act(() => void vi.advanceTimersByTime(120_000));
  expect(told).toHaveLength(3);
  await act(async () => result.current[1]());
  act(() => void vi.advanceTimersByTime(300_000));
  expect(told).toHaveLength(3);
});
