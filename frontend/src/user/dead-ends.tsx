import { Compass, TriangleAlert } from "lucide-react";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { text } from "@/lib/text";
import { Shell } from "./shell";

/** An address that belongs to no page. */
export function NotFound() {
  return (
    <Shell title={text.app.notFoundTitle}>
      <EmptyState
        heading="h1"
        icon={Compass}
        title={text.app.notFoundTitle}
        action={
          <Button asChild look="primary">
            <a href="/">{text.app.notFoundBack}</a>
          </Button>
        }
      >
        {text.app.notFoundText}
      </EmptyState>
    </Shell>
  );
}

/** A fault of the dashboard itself. */
export function Crashed() {
  return (
    <Shell title={text.app.crashedTitle}>
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
      </EmptyState>
    </Shell>
  );
}
