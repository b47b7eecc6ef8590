import { ImageUp, X } from "lucide-react";
import { useRef } from "react";
import type { Setting } from "@/api/admin";
import { Button } from "@/components/ui/button";
import { Input } from "@/components/ui/field";
import { logo } from "@/lib/event";
import { formatBytes } from "@/lib/format";
import { text } from "../text";

type Props = { id: string; described: string; value: string; onChange: (value: string) => void };
type PictureProps = Props & { saved: boolean };

/** A picture, chosen as a file and kept as a data: address. */
export function PictureControl({ id, described, value, saved, onChange }: PictureProps) {
  const input = useRef<HTMLInputElement>(null);
  async function take(file: File | undefined) {
    if (file) onChange(await addressOf(file));
    if (input.current) input.current.value = ""; // the same file may be chosen again
  }
  return (
    <span className="flex min-h-10 min-w-0 flex-1 items-center gap-2">
      {value !== "" &&
        (saved ? (
          <img src={logo} alt="" className="h-10 max-w-28 rounded border border-line object-contain p-0.5" />
        ) : (
          <span className="text-sm tabular-nums">{formatBytes(Math.round((value.length * 3) / 4))}</span>
        ))}
      <input
        ref={input}
        type="file"
        accept="image/png,image/jpeg,image/gif"
        hidden
        onChange={(event) => void take(event.target.files?.[0])}
      />
      <Button id={id} aria-describedby={described} onClick={() => input.current?.click()}>
        <ImageUp aria-hidden className="size-4" /> {text.settings.choosePicture}
      </Button>
      {value !== "" && (
        <Button
          look="ghost"
          size="icon"
          aria-label={text.settings.noPicture}
          title={text.settings.noPicture}
          onClick={() => onChange("")}
        >
          <X aria-hidden className="size-4" />
        </Button>
      )}
    </span>
  );
}

function addressOf(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}

type ColourProps = Props & { setting: Setting; invalid: boolean };

/** A colour, picked or written. */
export function ColourControl({ setting, id, described, value, invalid, onChange }: ColourProps) {
  return (
    <span className="flex min-w-0 flex-1 items-center gap-2">
      <input
        type="color"
        aria-label={text.settings.pickColour(setting.name)}
        value={/^#[0-9a-f]{6}$/i.test(value) ? value : "#6b3fc9"}
        onChange={(event) => onChange(event.target.value)}
        className="size-10 shrink-0 cursor-pointer rounded-lg border border-line-strong bg-transparent p-1"
      />
      <Input
        id={id}
        aria-describedby={described}
        aria-invalid={invalid || undefined}
        autoComplete="off"
        placeholder="#6b3fc9"
        value={value}
        onChange={(event) => onChange(event.target.value)}
        className="font-mono"
      />
    </span>
  );
}
