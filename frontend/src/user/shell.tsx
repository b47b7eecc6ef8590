import { Trophy } from "lucide-react";
import { type ReactNode, useEffect } from "react";
import { LanguageSwitch } from "@/components/ui/language-switch";
import { ThemeSwitch } from "@/components/ui/theme-switch";
import { Toaster } from "@/components/ui/toast";
import { event, logo } from "@/lib/event";
import { text } from "@/lib/text";

type Props = { title: string; urgent?: string; aside?: ReactNode; children: ReactNode };

/**
 * The frame of every page: its name in the browser's title, behind what is urgent, the bar at the top, the width of its
 * content.
 */
export function Shell({ title, urgent = "", aside, children }: Props) {
  useEffect(() => {
    document.title = `${urgent || title} · ${event.name}`;
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
            <img src={logo} alt="" className="h-7 max-w-40 object-contain" />
            {event.name}
          </p>
          <div className="flex min-w-0 items-center gap-2">
            {event.home !== "" && (
              <a
                href={event.home}
                className="inline-flex min-h-10 items-center gap-1.5 px-2 text-accent text-sm underline underline-offset-4"
              >
                <Trophy aria-hidden className="size-4" />
                <span className="max-sm:sr-only">{text.app.scoreboard}</span>
              </a>
            )}
            {aside}
            <LanguageSwitch />
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
      {event.footer !== "" && (
        <footer className="mx-auto max-w-7xl 2xl:max-w-[100rem] border-line border-t px-4 py-6 text-ink-soft text-sm">
          <p className="break-words">{event.footer}</p>
        </footer>
      )}
      <Toaster close={text.problem.close} />
    </>
  );
}
