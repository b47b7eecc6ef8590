import { type ReactNode, useEffect } from "react";
import { ThemeSwitch } from "@/components/ui/theme-switch";
import { Toaster } from "@/components/ui/toast";
import { text } from "@/lib/text";

type Props = { title: string; urgent?: string; aside?: ReactNode; children: ReactNode };

/**
 * The frame of every page: its name in the browser's title, behind what is urgent, the bar at the top, the width of its
 * content.
 */
export function Shell({ title, urgent = "", aside, children }: Props) {
  useEffect(() => {
    document.title = `${urgent || title} · ${text.app.name}`;
  }, [title, urgent]);

  return (
    <>
      <a
        href="#content"
        className="sr-only focus:not-sr-only focus:absolute focus:top-3 focus:left-3 focus:z-10 focus:rounded-lg focus:bg-button focus:px-4 focus:py-2 focus:text-button-ink"
      >
        {text.app.skip}
      </a>
      <header className="border-line border-b bg-card/70">
        <div className="mx-auto flex min-h-14 max-w-7xl 2xl:max-w-[100rem] flex-wrap items-center justify-between gap-x-4 gap-y-1 px-4 py-2">
          <p className="flex items-center gap-2.5 font-display font-semibold text-lg">
            <img src="/favicon.svg" alt="" className="size-7" />
            {text.app.name}
          </p>
          <div className="flex min-w-0 items-center gap-2">
            {aside}
            <ThemeSwitch />
          </div>
        </div>
      </header>
      <main
        id="content"
        tabIndex={-1}
        className="mx-auto max-w-7xl 2xl:max-w-[100rem] px-4 pt-8 pb-20 focus:outline-none"
      >
        {children}
      </main>
      <Toaster close={text.problem.close} />
    </>
  );
}
