import { TerminalSquare } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import type { AdminInstanceDetail } from "@/api/admin";
import { Button } from "@/components/ui/button";
import { Select } from "@/components/ui/field";
import { text } from "../text";

/** A shell in a service of an instance. Its terminal is loaded when the first one is opened. */
export function ShellView({ instance }: { instance: AdminInstanceDetail }) {
  const services = instance.containers.filter(({ running, service }) => running && service !== "");
  const [service, setService] = useState(services[0]?.service ?? "");
  const [open, setOpen] = useState(0); // counts what was opened
  const [why, setWhy] = useState<string>();

  if (services.length === 0) return <p className="text-ink-soft">{text.shell.none}</p>;
  return (
    <div className="flex min-h-0 flex-1 flex-col gap-3">
      <div className="flex flex-wrap items-center gap-2">
        <span className="max-w-full">
          <Select
            aria-label={text.shell.service}
            value={service}
            onChange={(event) => {
              setService(event.target.value);
              setOpen(0);
              setWhy(undefined);
            }}
          >
            {services.map((one) => (
              <option key={one.id}>{one.service}</option>
            ))}
          </Select>
        </span>
        {(open === 0 || why !== undefined) && (
          <Button
            look="primary"
            onClick={() => {
              setWhy(undefined);
              setOpen(open + 1);
            }}
          >
            <TerminalSquare aria-hidden className="size-4" /> {open === 0 ? text.shell.open : text.shell.again}
          </Button>
        )}
        <p role="status" className="min-w-0 text-ink-soft text-sm">
          {why === undefined
            ? text.shell.logged
            : (text.shell.ended[why as keyof typeof text.shell.ended] ?? text.shell.lost)}
        </p>
      </div>
      {open > 0 && <Screen key={`${service} ${open}`} instance={instance.id} service={service} onEnd={setWhy} />}
    </div>
  );
}

type ScreenProps = { instance: string; service: string; onEnd: (why: string) => void };

function Screen({ instance, service, onEnd }: ScreenProps) {
  const place = useRef<HTMLDivElement>(null);
  const end = useRef(onEnd);
  useEffect(() => {
    const at = new URL(
      `/admin/api/instances/${encodeURIComponent(instance)}/services/${encodeURIComponent(service)}/shell`,
      window.location.href.replace(/^http/, "ws"),
    );
    let left = false;
    let close = () => {};
    void import("./terminal").then(
      ({ openShell }) => {
        if (!left && place.current)
          ({ close } = openShell(place.current, at.href, text.shell.label(service), (why) => end.current(why)));
      },
      () => end.current(""),
    );
    return () => {
      left = true;
      close();
    };
  }, [instance, service]);
  return (
    <div
      ref={place}
      className="h-[50vh] min-h-64 overflow-hidden rounded-lg border border-line bg-ground p-2 text-ink"
    />
  );
}
