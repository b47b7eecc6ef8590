import { useMutation, useQuery } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { ExternalLink, KeyRound } from "lucide-react";
import { type FormEvent, useState } from "react";
import { api, asProblem, unwrap } from "@/api/client";
import { Button } from "@/components/ui/button";
import { Field, Input } from "@/components/ui/field";
import { Notice } from "@/components/ui/notice";
import { configQuery } from "@/features/player/queries";
import { text } from "@/lib/text";
import { localPath } from "./next";
import { Shell } from "./shell";

/** Exchanges an access token of CTFd for a session, and goes on to where the player wanted to go. */
export function LoginPage() {
  const { next } = useSearch({ from: "/login" });
  const [token, setToken] = useState("");
  const config = useQuery(configQuery).data;
  const signIn = useMutation({
    mutationFn: () => unwrap(api.POST("/auth/login", { body: { token: token.trim() } })),
    onSuccess: leave,
    onError: (cause) => {
      if (asProblem(cause).code === "sign_in_not_needed") leave();
    },
  });

  function leave() {
    // Not the router's way: `next` may be an address that the sidecar answers itself, on the way to an instance.
    window.location.assign(localPath(next));
  }

  function submit(event: FormEvent) {
    event.preventDefault();
    if (token.trim() !== "" && !signIn.isPending) signIn.mutate();
  }

  return (
    <Shell title={text.login.title}>
      <div className="mx-auto max-w-md rounded-xl border border-line bg-card p-5 sm:mt-10 sm:p-8">
        <KeyRound aria-hidden className="mb-3 size-8 text-accent" strokeWidth={1.5} />
        <h1 className="font-display font-semibold text-2xl">{text.login.title}</h1>
        <p className="mt-1 mb-5 text-ink-soft">{text.login.lead}</p>
        <form onSubmit={submit} className="flex flex-col gap-4">
          <Field label={text.login.token} hint={text.login.hint}>
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
          {signIn.isError && (
            <Notice>
              {asProblem(signIn.error).detail}
              {asProblem(signIn.error).requestId !== "" && (
                <span className="block text-ink-soft text-xs">
                  {text.problem.request(asProblem(signIn.error).requestId)}
                </span>
              )}
            </Notice>
          )}
          <Button look="primary" type="submit" aria-disabled={signIn.isPending || undefined}>
            {signIn.isPending ? text.login.signingIn : text.login.signIn}
          </Button>
        </form>
        <p className="mt-5 min-h-6 text-sm">
          {config?.ctfd_url && (
            <a
              href={`${config.ctfd_url.replace(/\/+$/, "")}/settings#tokens`}
              target="_blank"
              rel="noopener noreferrer"
              className="inline-flex items-center gap-2 text-accent underline underline-offset-4"
            >
              {text.login.make} <ExternalLink aria-hidden className="size-3.5" />
              <span className="sr-only">({text.challenges.newTab})</span>
            </a>
          )}
        </p>
      </div>
    </Shell>
  );
}
