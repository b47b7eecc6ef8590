import { useMutation } from "@tanstack/react-query";
import { Navigate } from "@tanstack/react-router";
import { Ban, LogOut } from "lucide-react";
import { useState } from "react";
import { api, unwrapEmpty } from "@/api/client";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { text } from "@/lib/text";
import { localPath } from "./next";
import { Shell } from "./shell";

/**
 * To the sign-in page, and back here afterwards. Where "here" is, is asked once: drawn again on the way, the address is
 * that of the sign-in page already.
 */
export function ToLogin() {
  const [next] = useState(() => window.location.pathname + window.location.search);
  return <Navigate to="/login" search={{ next: localPath(next) }} replace />;
}

/** Ends the session; what the page has shown goes with it. */
export function SignOut({ wide }: { wide?: boolean }) {
  const signOut = useMutation({
    mutationFn: () => unwrapEmpty(api.POST("/auth/logout")),
    onSuccess: () => window.location.assign("/login?stay=yes"), // and not back in by itself
  });
  return (
    <Button
      look={wide ? "secondary" : "ghost"}
      size={wide ? "md" : "icon"}
      aria-label={text.login.signOut}
      title={text.login.signOut}
      onClick={() => !signOut.isPending && signOut.mutate()}
    >
      <LogOut aria-hidden className="size-4" /> {wide && text.login.signOut}
    </Button>
  );
}

/** The player is known and may not play, or is nobody who could. */
export function Refused({ detail, signedIn }: { detail: string; signedIn: boolean }) {
  return (
    <Shell title={text.login.refusedTitle}>
      <EmptyState
        alert
        heading="h1"
        icon={Ban}
        title={text.login.refusedTitle}
        action={signedIn ? <SignOut wide /> : undefined}
      >
        {detail}
      </EmptyState>
    </Shell>
  );
}
