import { Search, X } from "lucide-react";
import { useEffect, useRef } from "react";
import { Button } from "./button";

type Props = {
  label: string;
  placeholder: string;
  clear: string;
  value: string;
  onChange: (value: string) => void;
};

/** A field to search in, with a button that empties it; the key / leads to it. */
export function SearchField({ label, placeholder, clear, value, onChange }: Props) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    function focus(event: KeyboardEvent) {
      const at = event.target as HTMLElement;
      const typing = at.isContentEditable || at.closest("input, textarea, select, dialog, .cm-editor");
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || typing) return;
      event.preventDefault();
      input.current?.focus();
    }
    window.addEventListener("keydown", focus);
    return () => window.removeEventListener("keydown", focus);
  }, []);
  return (
    <div className="relative min-w-0 flex-1">
      <Search
        aria-hidden
        className="-translate-y-1/2 pointer-events-none absolute top-1/2 left-3 size-4 text-ink-soft"
      />
      <input
        ref={input}
        type="search"
        aria-keyshortcuts="/"
        aria-label={label}
        placeholder={placeholder}
        value={value}
        onChange={(event) => onChange(event.target.value)}
        autoComplete="off"
        spellCheck={false}
        className="h-11 w-full truncate rounded-lg border border-line-strong bg-card pr-11 pl-10 text-ink placeholder:text-ink-soft [&::-webkit-search-cancel-button]:hidden"
      />
      {value !== "" && (
        <Button
          look="ghost"
          size="icon"
          aria-label={clear}
          className="absolute top-0.5 right-0.5"
          onClick={() => {
            onChange("");
            input.current?.focus();
          }}
        >
          <X aria-hidden className="size-4" />
        </Button>
      )}
    </div>
  );
}
