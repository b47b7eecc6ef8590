import { useMutation } from "@tanstack/react-query";
import { Check, Terminal, X } from "lucide-react";
import { useEffect } from "react";
import { api, asProblem, unwrap } from "@/api/client";
import { Button } from "@/components/ui/button";
import { copyText } from "@/lib/clipboard";
import { text } from "@/lib/text";

/** Copies a line for curl that shows the player's ticket for a host. The ticket is made when it is asked for. */
export function CurlButton({ host }: { host: string }) {
  const copy = useMutation({
    mutationFn: async () => {
      const { curl } = await unwrap(api.POST("/auth/ticket", { body: { host } }));
      if (!(await copyText(curl))) throw new Error(text.route.copyFailed);
    },
  });
  const { reset, isSuccess, isError, error } = copy;

  useEffect(() => {
    if (!isSuccess && !isError) return;
    const timer = setTimeout(reset, 4000);
    return () => clearTimeout(timer);
  }, [isSuccess, isError, reset]);

  const said = isSuccess
    ? text.route.curlCopied
    : isError
      ? `${text.route.curlFailed}: ${asProblem(error).detail}`
      : "";
  return (
    <>
      <Button
        look="ghost"
        size="icon"
        aria-label={text.route.curl}
        title={said || text.route.curl}
        onClick={() => !copy.isPending && copy.mutate()}
      >
        {isSuccess && <Check aria-hidden className="size-4 text-good" />}
        {isError && <X aria-hidden className="size-4 text-bad" />}
        {!isSuccess && !isError && <Terminal aria-hidden className="size-4" />}
      </Button>
      <span role="status" className="sr-only">
        {said}
      </span>
    </>
  );
}
