import { Check, Copy, X } from "lucide-react";
import { useEffect, useState } from "react";
import { copyText } from "@/lib/clipboard";
import { text } from "@/lib/text";
import { Button } from "./button";

function useCopy(value: string) {
  const [result, setResult] = useState<"copied" | "failed">();
  useEffect(() => {
    if (!result) return;
    const timer = setTimeout(() => setResult(undefined), 2000);
    return () => clearTimeout(timer);
  }, [result]);
  const said = result === "copied" ? text.route.copied : result === "failed" ? text.route.copyFailed : "";
  return { result, said, copy: async () => setResult((await copyText(value)) ? "copied" : "failed") };
}

function Result({ result }: { result: "copied" | "failed" | undefined }) {
  if (result === "copied") return <Check aria-hidden className="size-4 text-good" />;
  if (result === "failed") return <X aria-hidden className="size-4 text-bad" />;
  return <Copy aria-hidden className="size-4" />;
}

/** Copies a value and says so for two seconds. `what` names the value for those who do not see it. */
export function CopyButton({ value, what }: { value: string; what: string }) {
  const { result, said, copy } = useCopy(value);
  return (
    <>
      <Button
        look="ghost"
        size="icon"
        aria-label={text.route.copy(what)}
        title={said || text.route.copy(what)}
        onClick={copy}
      >
        <Result result={result} />
      </Button>
      <span role="status" className="sr-only">
        {said}
      </span>
    </>
  );
}

/** The same with a word on it, where copying is what one wants most. */
export function CopyTextButton({ value, what, look }: { value: string; what: string; look: "primary" | "secondary" }) {
  const { result, said, copy } = useCopy(value);
  return (
    <>
      <Button look={look} title={value} aria-label={`${text.running.copy}: ${what}`} onClick={copy} className="px-3">
        {text.running.copy} <Result result={result} />
      </Button>
      <span role="status" className="sr-only">
        {said}
      </span>
    </>
  );
}
