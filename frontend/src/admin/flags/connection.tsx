import { useQuery } from "@tanstack/react-query";
import { Plug, PlugZap } from "lucide-react";
import { useState } from "react";
import { api, unwrap } from "@/api/client";
import { Badge } from "@/components/ui/badge";
import { ConfirmDialog } from "@/components/ui/confirm-dialog";
import { Notice } from "@/components/ui/notice";
import { useAction } from "../kit/action";
import { Loaded } from "../kit/loaded";
import { Button, Switch } from "../kit/takes";
import { text } from "../text";
import { connectionQuery, flagsKey } from "./queries";

/** The page in CTFd that signs players in here, and the challenges' links: one click makes both. */
export function Connection() {
  const connection = useQuery(connectionQuery);
  const [asking, setAsking] = useState(false);
  const connect = useAction({
    act: () => unwrap(api.POST("/admin/api/ctfd/connection")),
    done: () => text.connection.connected,
    failed: text.connection.connectFailed,
    renews: [flagsKey],
  });
  const disconnect = useAction({
    act: () => unwrap(api.DELETE("/admin/api/ctfd/connection")),
    done: () => text.connection.disconnected,
    failed: text.connection.disconnectFailed,
    renews: [flagsKey],
  });
  const show = useAction<boolean>({
    act: (on) => unwrap(api.PUT("/admin/api/ctfd/window", { body: { on } })),
    failed: text.connection.windowFailed,
    renews: [flagsKey],
  });
  return (
    <Loaded query={connection} className="h-36">
      {({ sign_in: { state, url, detail }, window: shown }) => (
        <section aria-labelledby="connection" className="flex flex-col gap-3 rounded-xl border border-line bg-card p-4">
          <div className="flex flex-wrap items-center gap-x-3 gap-y-2">
            <h2 id="connection" className="font-display font-semibold text-lg">
              {text.connection.title}
            </h2>
            {state === "stands" ? (
              <Badge tone="good">{text.connection.on}</Badge>
            ) : (
              <Badge tone={state === "" ? "busy" : "bad"}>{text.connection.off}</Badge>
            )}
          </div>
          <p className="max-w-prose text-ink-soft text-sm">{text.connection.lead}</p>
          {detail !== "" && <Notice>{detail}</Notice>}
          <div className="flex flex-wrap items-center gap-3">
            {state !== "stands" && (
              <Button
                takes="admin"
                look="primary"
                aria-disabled={connect.isPending || undefined}
                onClick={() => !connect.isPending && connect.mutate()}
              >
                <PlugZap aria-hidden className="size-4" />{" "}
                {connect.isPending
                  ? text.connection.connecting
                  : state === ""
                    ? text.connection.connect
                    : text.connection.again}
              </Button>
            )}
            {state !== "" && (
              <Button takes="admin" onClick={() => setAsking(true)}>
                <Plug aria-hidden className="size-4" /> {text.connection.disconnect}
              </Button>
            )}
            {url !== "" && <code className="min-w-0 break-all text-ink-soft text-xs">{url}</code>}
          </div>
          {state !== "" && (
            <div className="flex items-start gap-3 text-sm">
              <Switch
                takes="admin"
                label={text.connection.window}
                checked={shown}
                onChange={(on) => !show.isPending && show.mutate(on)}
              />
              <span>
                {text.connection.window}
                <span className="block text-ink-soft">{text.connection.windowHint}</span>
              </span>
            </div>
          )}
          <ConfirmDialog
            open={asking}
            title={text.connection.disconnectTitle}
            confirm={text.connection.disconnect}
            cancel={text.mappings.cancel}
            onConfirm={() => {
              setAsking(false);
              disconnect.mutate();
            }}
            onClose={() => setAsking(false)}
          >
            {text.connection.disconnectText}
          </ConfirmDialog>
        </section>
      )}
    </Loaded>
  );
}
