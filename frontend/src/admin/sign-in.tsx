import { useMutation, useQueryClient } from "@tanstack/react-query";
import { KeyRound } from "lucide-react";
import { type FormEvent, useEffect, useState } from "react";
import { api, unwrapEmpty } from "@/api/client";
import { Button } from "@/components/ui/button";
import { Field, Input } from "@/components/ui/field";
import { Notice } from "@/components/ui/notice";
import { whoamiKey } from "./kit/client";
import { ProblemText } from "./kit/loaded";
import { text } from "./text";

/** Asks for the admin key or an admin's CTFd token. It stands at the address that was asked for, which then appears. */
export function SignIn() {
  const [secret, setSecret] = useState("");
  const client = useQueryClient();
  const signIn = useMutation({
    mutationFn: () => unwrapEmpty(api.POST("/admin/api/session", { body: { key: secret.trim() } })),
    onSuccess: () => client.invalidateQueries({ queryKey: whoamiKey }),
  });

  useEffect(() => {
    document.title = `${text.session.title} · ${text.app.name}`;
  }, []);

  function submit(event: FormEvent) {
    event.preventDefault();
    if (secret.trim() !== "" && !signIn.isPending) signIn.mutate();
  }

  return (
    <div className="mx-auto max-w-md rounded-xl border border-line bg-card p-5 sm:mt-10 sm:p-8">
      <KeyRound aria-hidden className="mb-3 size-8 text-accent" strokeWidth={1.5} />
      <h1 className="font-display font-semibold text-2xl">{text.session.title}</h1>
      <p className="mt-1 mb-5 text-ink-soft">{text.session.lead}</p>
      <form onSubmit={submit} className="flex flex-col gap-4">
        <Field label={text.session.key} hint={text.session.keyHint}>
          {(ids) => (
            <Input
              {...ids}
              type="password"
              autoComplete="current-password"
              value={secret}
              onChange={(event) => setSecret(event.target.value)}
              className="font-mono"
            />
          )}
        </Field>
        {signIn.isError && (
          <Notice>
            <ProblemText cause={signIn.error} />
          </Notice>
        )}
        <Button look="primary" type="submit" aria-disabled={signIn.isPending || undefined}>
          {signIn.isPending ? text.session.signingIn : text.session.signIn}
        </Button>
      </form>
    </div>
  );
}
