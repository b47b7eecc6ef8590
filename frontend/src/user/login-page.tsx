import { useMutation, useQuery } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { ExternalLink, KeyRound, LogIn } from "lucide-react";
import { type FormEvent, type ReactNode, useEffect, useRef, useState } from "react";
import { api, asProblem, unwrap } from "@/api/client";
import { Button } from "@/components/ui/button";
import { Field, Input } from "@/components/ui/field";
import { Notice } from "@/components/ui/notice";
import { configQuery, meQuery } from "@/features/player/queries";
import { leaveFor } from "@/lib/leave";
import { text } from "@/lib/text";
import { localPath } from "./next";
import { Shell } from "./shell";
import { forgetReturned, hasJustGone, type Proof, readReturned, toCTFd } from "./sign-in";

/** Signs in: by CTFd's own page where it has one, which needs no click, or by an access token; then goes on. */
export function LoginPage() {
  const search = useSearch({ from: "/login" });
  const [returned] = useState(readReturned);
  const [gone] = useState(hasJustGone);
  const begun = useRef(false);
  const config = useQuery(configQuery).data;
  const elsewhere = config?.auth_mode === "oidc"; // the sidecar leads to the provider and back
  const page = config?.ctfd_sign_in ?? "";
  const next = returned && returned !== "foreign" ? returned.next : (search.next ?? "/");
  const signIn = useMutation({
    mutationFn: (proof: Proof) => unwrap(api.POST("/auth/login", { body: proof })),
    onSuccess: leave,
    onError: (cause) => {
      if (asProblem(cause).code === "sign_in_not_needed") leave();
    },
  });
  const me = useQuery(meQuery);
  const byItself = (page !== "" || elsewhere) && !returned && !gone && !search.by && !search.stay;

  // biome-ignore lint/correctness/useExhaustiveDependencies: what the page does by itself it does once
  useEffect(() => {
    if (begun.current || !(returned || byItself)) return;
    begun.current = true;
    forgetReturned();
    if (returned && returned !== "foreign") signIn.mutate(returned.proof);
    else if (byItself) go();
  }, [returned, byItself]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: whoever is signed in already has no business here
  useEffect(() => {
    if (me.isSuccess && !returned) leave();
  }, [me.isSuccess]);

  function go() {
    if (elsewhere) leaveFor(`/auth/oidc?${new URLSearchParams({ next: localPath(next) })}`);
    else toCTFd(page, next);
  }

  function leave() {
    // Not the router's way: `next` may be an address that the sidecar answers itself, on the way to an instance.
    leaveFor(localPath(next));
  }

  const busy = byItself || (returned && returned !== "foreign" && !signIn.isError);
  return (
    <Shell title={text.login.title}>
      <div className="mx-auto max-w-md rounded-xl border border-line bg-card p-5 sm:mt-10 sm:p-8">
        <KeyRound aria-hidden className="mb-3 size-8 text-accent" strokeWidth={1.5} />
        <h1 className="font-display font-semibold text-2xl">{text.login.title}</h1>
        {busy ? (
          <p role="status" className="mt-1 min-h-24 text-ink-soft">
            {text.login.going}
          </p>
        ) : (
          <>
            <p className="mt-1 mb-5 text-ink-soft">{elsewhere ? text.login.leadElsewhere : text.login.lead}</p>
            {search.failed && <Warning>{text.login.failed[search.failed] ?? text.login.failedOtherwise}</Warning>}
            {returned === "foreign" && <Warning>{text.login.foreign}</Warning>}
            {signIn.isError && (
              <Warning>
                {asProblem(signIn.error).detail}
                {asProblem(signIn.error).requestId !== "" && (
                  <span className="block text-ink-soft text-xs">
                    {text.problem.request(asProblem(signIn.error).requestId)}
                  </span>
                )}
              </Warning>
            )}
            {elsewhere ? (
              <Button look="primary" className="w-full" onClick={go}>
                <LogIn aria-hidden className="size-4" /> {text.login.signIn}
              </Button>
            ) : page === "" ? (
              <TokenForm ctfd={config?.ctfd_url} signIn={signIn} />
            ) : (
              <>
                <Button look="primary" className="w-full" onClick={go}>
                  <LogIn aria-hidden className="size-4" /> {text.login.withCTFd}
                </Button>
                <details open={search.by === "token"} className="mt-5">
                  <summary className="cursor-pointer py-3 text-ink-soft text-sm">{text.login.withToken}</summary>
                  <TokenForm ctfd={config?.ctfd_url} signIn={signIn} />
                </details>
              </>
            )}
          </>
        )}
      </div>
    </Shell>
  );
}

function Warning({ children }: { children: ReactNode }) {
  return (
    <div className="mb-4">
      <Notice>{children}</Notice>
    </div>
  );
}

type FormProps = { ctfd: string | undefined; signIn: { mutate: (proof: Proof) => void; isPending: boolean } };

/** For a token that the player has copied from CTFd. */
function TokenForm({ ctfd, signIn }: FormProps) {
  const [token, setToken] = useState("");
  const [missing, setMissing] = useState(false);

  function submit(event: FormEvent) {
    event.preventDefault();
    setMissing(token.trim() === "");
    if (token.trim() !== "" && !signIn.isPending) signIn.mutate({ token: token.trim() });
  }

  return (
    <>
      <form onSubmit={submit} className="flex flex-col gap-4">
        <Field
          label={text.login.token}
          hint={text.login.hint}
          error={missing && token.trim() === "" ? text.login.enter : undefined}
        >
          {(ids) => (
            <Input
              {...ids}
              type="password"
              autoComplete="current-password"
              value={token}
              onChange={(event) => setToken(event.target.value)}
              className="font-mono"
            />
          )}
        </Field>
        <Button look="primary" type="submit" aria-disabled={signIn.isPending || undefined}>
          {signIn.isPending ? text.login.signingIn : text.login.signIn}
        </Button>
      </form>
      <p className="mt-5 min-h-6 text-sm">
        {ctfd && (
          <a
            href={`${ctfd.replace(/\/+$/, "")}/settings`}
            target="_blank"
            rel="noopener noreferrer"
            className="inline-flex items-center gap-2 text-accent underline underline-offset-4"
          >
            {text.login.make} <ExternalLink aria-hidden className="size-3.5" />
            <span className="sr-only">({text.challenges.newTab})</span>
          </a>
        )}
      </p>
    </>
  );
}
