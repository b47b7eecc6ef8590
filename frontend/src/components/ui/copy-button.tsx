import { Check, Copy, X } from "lucide-react";
import { useEffect, useState } from "react";
import { copyText } from "@/lib/clipboard";
import { text } from "@/lib/text";
import { Button } from "./button";

/** Copies a value and says so for two seconds. `what` names the value for those who do not see it. */
export function CopyButton({ value, what }: { value: string; what: string }) {
  const [result, setResult] = useState<"copied" | "failed">();

  useEffect(() => {
    if (!result) return;
    const timer = setTimeout(() => setResult(undefined), 2000);
    return () => clearTimeout(timer);
  }, [result]);

  const said = result === "copied" ? text.route.copied : result === "failed" ? text.route.copyFailed : "";
  return (
    <>
      <Button
        look="ghost"
        size="icon"
        aria-label={text.route.copy(what)}
        title={said || text.route.copy(what)}
        onClick={async () => setResult((await copyText(value)) ? "copied" : "failed")}
      >
        {result === "copied" && <Check aria-hidden className="size-4 text-good" />}
        {result === "failed" && <X aria-hidden className="size-4 text-bad" />}
        {!result && <Copy aria-hidden className="size-4" />}
      </Button>
      <span role="status" className="sr-only">
        {said}
      </span>
    </>
  );
}
