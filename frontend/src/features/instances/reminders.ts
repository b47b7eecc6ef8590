import { useEffect, useRef, useState } from "react";
import type { Instance } from "@/api/types";
import { serverNow } from "@/lib/clock";
import { text } from "@/lib/text";
import { formatSpan } from "@/lib/time";
import { secondsLeft, type Urgency, urgencyOf } from "./urgency";

const key = "whaley-reminders";

/** Whether this browser can remind: only pages of a secure origin may. */
const possible = () => "Notification" in window && window.isSecureContext;

/** What the player wants: off, on, or on although the browser forbids it. */
export type Reminders = "impossible" | "off" | "on" | "denied";

function read(): Reminders {
  if (!possible()) return "impossible";
  try {
    if (localStorage.getItem(key) !== "on") return "off";
  } catch {
    return "off"; // storage is forbidden
  }
  return Notification.permission === "granted" ? "on" : "off";
}

/** Reminders by the browser, 5 minutes and 1 minute before an instance's time is up; only after the player asked for them. */
export function useReminders(instances: ReadonlyMap<string, Instance> | undefined): [Reminders, () => void] {
  const [state, setState] = useState(read);
  const seen = useRef(new Map<string, Urgency>()); // by instance and end: what it was at last look

  useEffect(() => {
    if (state !== "on" || !instances) return;
    const look = () => {
      for (const instance of instances.values()) {
        if (instance.state !== "running" || !instance.expires_at) continue;
        const id = `${instance.id} ${instance.expires_at}`;
        const left = secondsLeft(instance, serverNow());
        const now = urgencyOf(left);
        const before = seen.current.get(id) ?? now;
        seen.current.set(id, now);
        if (before !== now && now !== "calm" && left > 0) remind(instance, left);
      }
    };
    look();
    const timer = setInterval(look, 1000);
    return () => clearInterval(timer);
  }, [state, instances]);

  async function toggle() {
    const on = state !== "on";
    const allowed = !on || (await Notification.requestPermission()) === "granted";
    setState(!on ? "off" : allowed ? "on" : "denied");
    try {
      localStorage.setItem(key, on && allowed ? "on" : "");
    } catch {
      // then it holds for this page
    }
  }
  return [state, () => void toggle()];
}

function remind(instance: Instance, left: number) {
  try {
    new Notification(text.notices.soon(instance.challenge_name, formatSpan(left > 60 ? 300 : 60)), {
      body: text.notices.body,
      tag: instance.id,
    });
  } catch {
    // phones have notices of service workers only; the clock and the title tell it all the same
  }
}
