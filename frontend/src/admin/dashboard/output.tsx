import { useEffect, useState } from "react";
import { LogView } from "../kit/log-view";
import { text } from "../text";

type Line = { service: string; container: string; line: string };

const keep = 20_000; // lines; older ones go

/** What an instance's containers write, as they write it. */
export function Output({ id }: { id: string }) {
  const [lines, setLines] = useState<string[]>([]);
  const [state, setState] = useState<"connecting" | "open" | "ended" | "lost">("connecting");

  useEffect(() => {
    const source = new EventSource(`/admin/api/instances/${encodeURIComponent(id)}/logs?tail=1000`);
    let waiting: string[] = [];
    let drawing = 0;
    function draw() {
      drawing = 0;
      const more = waiting; // many lines come between two frames
      waiting = [];
      setLines((old) => [...old, ...more].slice(-keep));
    }
    source.addEventListener("open", () => {
      setState("open");
      setLines([]); // a stream that opens again begins with the last lines again
    });
    source.addEventListener("line", (event) => {
      const { service, line } = JSON.parse((event as MessageEvent<string>).data) as Line;
      waiting.push(`${service.padEnd(10)} ${line}`);
      drawing ||= requestAnimationFrame(draw);
    });
    source.addEventListener("end", () => {
      setState("ended");
      source.close();
    });
    source.addEventListener("error", () => setState((old) => (old === "ended" ? old : "lost")));
    return () => {
      cancelAnimationFrame(drawing);
      source.close();
    };
  }, [id]);

  return (
    <div className="flex flex-col gap-2">
      <p role="status" className="text-ink-soft text-sm">
        {text.output[state]}
      </p>
      <LogView label={text.dashboard.output} lines={lines} live />
    </div>
  );
}
