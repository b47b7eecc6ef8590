import type { UseQueryResult } from "@tanstack/react-query";
import { CloudOff, Lock, type LucideIcon } from "lucide-react";
import type { ReactNode } from "react";
import { asProblem } from "@/api/client";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/empty-state";
import { Notice } from "@/components/ui/notice";
import { Skeleton } from "@/components/ui/skeleton";
import { text } from "../text";

type Props<T> = {
  query: UseQueryResult<T>;
  /** How high the place is that the content will take. */
  className?: string;
  children: (data: T) => ReactNode;
};

/** What a query brought; its place while it is on its way, or what went wrong. Old data stay, with the problem above. */
export function Loaded<T>({ query, className = "h-64", children }: Props<T>) {
  if (query.data === undefined && query.isError && asProblem(query.error).code === "role_missing") {
    return (
      <EmptyState icon={Lock} title={text.role.only}>
        {asProblem(query.error).detail}
      </EmptyState>
    );
  }
  if (query.data === undefined && query.isError) {
    return (
      <EmptyState
        alert
        icon={CloudOff}
        title={text.error.title}
        action={<Button onClick={() => query.refetch()}>{text.error.retry}</Button>}
      >
        <ProblemText cause={query.error} />
      </EmptyState>
    );
  }
  if (query.data === undefined) {
    return (
      <div role="status">
        <span className="sr-only">{text.loading}</span>
        <Skeleton className={`${className} rounded-xl`} />
      </div>
    );
  }
  return (
    <>
      {query.isError && (
        <div className="mb-3">
          <Notice>
            <ProblemText cause={query.error} />
          </Notice>
        </div>
      )}
      {children(query.data)}
    </>
  );
}

/** What went wrong, and under which id the log has it. */
export function ProblemText({ cause }: { cause: unknown }) {
  const { detail, requestId } = asProblem(cause);
  return (
    <>
      <span className="break-words">{detail}</span>
      {requestId !== "" && (
        <span className="block font-mono text-ink-soft text-xs">{text.error.request(requestId)}</span>
      )}
    </>
  );
}

/** There is nothing of this kind yet. */
export function Nothing({ icon, title, children }: { icon: LucideIcon; title: string; children: ReactNode }) {
  return (
    <EmptyState icon={icon} title={title}>
      {children}
    </EmptyState>
  );
}
