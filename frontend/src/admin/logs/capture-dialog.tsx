import { useQuery } from "@tanstack/react-query";
import { Download, Trash2 } from "lucide-react";
import { useState } from "react";
import type { Capture } from "@/api/admin";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { formatMoment } from "@/lib/format";
import { Loaded } from "../kit/loaded";
import { LogView } from "../kit/log-view";
import { TypeToConfirm } from "../kit/type-to-confirm";
import { text } from "../text";
import { captureTextQuery } from "./queries";

type Props = { capture: Capture; onClose: () => void; onRemove: () => void };

/** What the containers of an instance had written, to search and to keep. */
export function CaptureDialog({ capture, onClose, onRemove }: Props) {
  const lines = useQuery({ ...captureTextQuery(capture.id), select: (all) => all.split("\n") });
  const [removing, setRemoving] = useState(false);
  return (
    <Dialog open wide title={text.forensics.of(capture.instance)} close={text.close} onClose={onClose}>
      <p className="text-ink-soft text-sm">
        {text.forensics.about(formatMoment(capture.capture_time), capture.owner.name, capture.containers.join(", "))}
        {capture.truncated && ` ${text.forensics.truncated}`}
      </p>
      <Loaded query={lines} className="h-[60vh]">
        {(all) => <LogView label={text.forensics.of(capture.instance)} lines={all} />}
      </Loaded>
      <div className="flex flex-wrap justify-end gap-2">
        <Button look="danger" onClick={() => setRemoving(true)}>
          <Trash2 aria-hidden className="size-4" /> {text.forensics.remove}
        </Button>
        <Button asChild>
          <a href={`/admin/api/forensics/logs/${encodeURIComponent(capture.id)}?download=true`} download>
            <Download aria-hidden className="size-4" /> {text.forensics.download}
          </a>
        </Button>
      </div>
      <TypeToConfirm
        open={removing}
        title={text.forensics.remove}
        name={capture.instance}
        confirm={text.forensics.remove}
        onConfirm={onRemove}
        onClose={() => setRemoving(false)}
      >
        {text.forensics.removeText}
      </TypeToConfirm>
    </Dialog>
  );
}
