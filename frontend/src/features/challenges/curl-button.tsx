import { useMutation } from "@tanstack/react-query";
import { Check, Terminal, X } from "lucide-react";
import { useEffect } from "react";
import { api, asProblem, unwrap } from "@/api/client";
import { Button } from "@/components/ui/button";
import { toast } from "@/components/ui/toast";
import { copyText } from "@/lib/clipboard";
import { text } from "@/lib/text";

type Props = {
  host: string;
  /** The address, where whoever has it needs no ticket; else empty. */
  url: string;
};

/**
 * Copies a line for curl: with the player's ticket for a host, which is made when it is asked for, unless the address
 * alone is enough.
 */
export function CurlButton({ host, url }: Props) {
  const plain = url !== "";
  const copy = useMutation({
    mutationFn: async () => {
      const curl = plain ? `curl '${url}'` : (await unwrap(api.POST("/auth/ticket", { body: { host } }))).curl;
      if (!(await copyText(curl))) throw new Error(text.route.copyFailed);
    },
    onSuccess: () => toast.done(plain ? text.route.plainCurlCopied : text.route.curlCopied),
    onError: (cause) => toast.failed(text.route.curlFailed, asProblem(cause).detail),
  });
  const { reset, isSuccess, isError } = copy;

  useEffect(() => {
    if (!isSuccess && !isError) return;
    const timer = setTimeout(reset, 4000);
    return () => clearTimeout(timer);
  }, [isSuccess, isError, reset]);

  const label = plain ? text.route.plainCurl : text.route.curl;
  return (
    <Button look="ghost" size="icon" aria-label={label} title={label} onClick={() => !copy.isPending && copy.mutate()}>
      {isSuccess && <Check aria-hidden className="size-4 text-good" />}
      {isError && <X aria-hidden className="size-4 text-bad" />}
      {!isSuccess && !isError && <Terminal aria-hidden className="size-4" />}
    </Button>
  );
}
