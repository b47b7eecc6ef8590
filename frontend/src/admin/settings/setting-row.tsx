import { RotateCcw, Undo2 } from "lucide-react";
import { useState } from "react";
import type { Setting } from "@/api/admin";
import { api, unwrap } from "@/api/client";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { ConfirmDialog } from "@/components/ui/confirm-dialog";
import { Input, Select, Switch } from "@/components/ui/field";
import { cn } from "@/lib/cn";
import { useAction } from "../kit/action";
import { text } from "../text";
import { faultOf, shown, textOf } from "./draft";
import { ColourControl, PictureControl } from "./face-controls";
import { settingsKey } from "./queries";

type Props = {
  setting: Setting;
  /** The value that is filled in and not saved; undefined: none. */
  draft: string | undefined;
  onChange: (value: string) => void;
  onUndo: () => void;
};

/** One setting: its name, what it means, its value, and whether an organiser has changed it. */
export function SettingRow({ setting, draft, onChange, onUndo }: Props) {
  const value = draft ?? textOf(setting.value);
  const fault = draft === undefined ? undefined : faultOf(setting, draft, text.settings.fault);
  const id = `setting-${setting.name}`;
  return (
    <li
      className={cn(
        "grid gap-x-6 gap-y-2 p-4 lg:grid-cols-[minmax(0,1fr)_22rem]",
        draft !== undefined && "bg-accent-ground/40",
      )}
    >
      <div className="min-w-0">
        <div className="flex flex-wrap items-center gap-2">
          <label htmlFor={setting.live ? id : undefined} className="break-all font-mono text-sm">
            {setting.name}
          </label>
          {draft !== undefined && <Badge tone="accent">{text.settings.edited}</Badge>}
          {setting.overridden && <Badge tone="busy">{text.settings.overridden}</Badge>}
          {!setting.live && <Badge>{text.settings.restart}</Badge>}
        </div>
        <p id={`${id}-help`} className="mt-1 text-ink-soft text-sm">
          {setting.help}
        </p>
        {setting.ignored !== "" && <p className="mt-1 text-bad text-sm">{text.settings.ignored(setting.ignored)}</p>}
      </div>
      <div className="flex min-w-0 flex-col gap-1">
        <div className="flex items-center gap-2">
          {setting.live ? (
            <Control
              setting={setting}
              id={id}
              value={value}
              invalid={fault !== undefined}
              edited={draft !== undefined}
              onChange={onChange}
            />
          ) : (
            <code className="min-w-0 flex-1 break-all py-2 text-sm">
              {setting.type === "secret"
                ? text.settings.secret(setting.set)
                : shown(setting.value, text.settings.empty)}
            </code>
          )}
          {draft !== undefined && (
            <Button
              look="ghost"
              size="icon"
              aria-label={text.settings.undo(setting.name)}
              title={text.settings.undo(setting.name)}
              onClick={onUndo}
            >
              <Undo2 aria-hidden className="size-4" />
            </Button>
          )}
          {draft === undefined && setting.overridden && <Reset setting={setting} />}
        </div>
        <p id={`${id}-hint`} className={cn("min-h-4 text-xs", fault ? "text-bad" : "text-ink-soft")}>
          {fault ?? hintOf(setting)}
        </p>
      </div>
    </li>
  );
}

type ControlProps = {
  setting: Setting;
  id: string;
  value: string;
  invalid: boolean;
  edited: boolean;
  onChange: (value: string) => void;
};

function Control({ setting, id, value, invalid, edited, onChange }: ControlProps) {
  const described = `${id}-help ${id}-hint`;
  switch (setting.type) {
    case "bool":
      return (
        <span className="flex min-h-10 flex-1 items-center gap-3">
          <Switch id={id} label={setting.name} checked={value === "true"} onChange={(on) => onChange(String(on))} />
          <span className="text-sm">{value === "true" ? text.settings.on : text.settings.off}</span>
        </span>
      );
    case "enum":
      return (
        <Select id={id} aria-describedby={described} value={value} onChange={(event) => onChange(event.target.value)}>
          {setting.choices.map((choice) => (
            <option key={choice}>{choice}</option>
          ))}
        </Select>
      );
    case "image":
      return <PictureControl saved={!edited} id={id} described={described} value={value} onChange={onChange} />;
    case "colour":
      return <ColourControl {...{ setting, id, described, value, invalid, onChange }} />;
    default:
      return (
        <Input
          id={id}
          aria-describedby={described}
          aria-invalid={invalid || undefined}
          type={setting.type === "secret" ? "password" : "text"}
          inputMode={["int", "duration"].includes(setting.type) ? "numeric" : undefined}
          autoComplete={setting.type === "secret" ? "new-password" : "off"}
          placeholder={setting.type === "secret" ? text.settings.secret(setting.set) : undefined}
          value={value}
          onChange={(event) => onChange(event.target.value)}
          className="font-mono"
        />
      );
  }
}

/** What is right, and what there would be without a change. */
function hintOf(setting: Setting): string {
  const unit = setting.unit || (setting.type === "duration" ? text.settings.seconds : "");
  const range =
    setting.min !== "" && setting.max !== ""
      ? text.settings.between(setting.min, setting.max)
      : setting.min !== ""
        ? text.settings.fault.least(setting.min)
        : "";
  const before =
    setting.type === "secret"
      ? ""
      : setting.overridden
        ? text.settings.environment(shown(setting.environment, text.settings.empty))
        : text.settings.default(shown(setting.default, text.settings.empty));
  return [unit, range, before].filter(Boolean).join(" · ");
}

function Reset({ setting }: { setting: Setting }) {
  const [asking, setAsking] = useState(false);
  const reset = useAction<void>({
    act: () => unwrap(api.DELETE("/admin/api/settings/{key}", { params: { path: { key: setting.name } } })),
    done: () => text.settings.wasReset(setting.name),
    failed: text.settings.resetFailed(setting.name),
    renews: [settingsKey],
  });
  const name = text.settings.reset(setting.name);
  return (
    <>
      <Button look="ghost" size="icon" aria-label={name} title={name} onClick={() => setAsking(true)}>
        <RotateCcw aria-hidden className="size-4" />
      </Button>
      <ConfirmDialog
        open={asking}
        title={`${name}?`}
        confirm={text.settings.resetConfirm}
        cancel={text.confirm.cancel}
        onConfirm={() => {
          setAsking(false);
          reset.mutate();
        }}
        onClose={() => setAsking(false)}
      >
        {setting.type === "secret"
          ? text.settings.resetSecret
          : text.settings.resetText(
              shown(setting.value, text.settings.empty),
              shown(setting.environment, text.settings.empty),
            )}
      </ConfirmDialog>
    </>
  );
}
