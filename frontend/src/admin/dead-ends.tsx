import { Compass, TriangleAlert } from "lucide-react";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { TabLink } from "./kit/link";
import { text } from "./text";

/** An address that belongs to no tab. */
export function NotFound() {
  return (
    <EmptyState
      heading="h1"
      icon={Compass}
      title={text.app.notFoundTitle}
      action={
        <Button asChild look="primary">
          <TabLink to="/">{text.app.notFoundBack}</TabLink>
        </Button>
      }
    >
      {text.app.notFoundText}
    </EmptyState>
  );
}

/** A fault of the panel itself. */
export function Crashed({ error }: { error: unknown }) {
  return (
    <main className="p-4">
      <EmptyState
        alert
        heading="h1"
        icon={TriangleAlert}
        title={text.app.crashedTitle}
        action={
          <Button look="primary" onClick={() => window.location.reload()}>
            {text.app.crashedReload}
          </Button>
        }
      >
        {text.app.crashedText}
        <span className="mt-2 block break-words font-mono text-xs">{String(error)}</span>
      </EmptyState>
    </main>
  );
}
