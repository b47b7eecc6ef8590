import { useVirtualizer } from "@tanstack/react-virtual";
import { ArrowDown, ArrowUp } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { Button } from "@/components/ui/button";
import { Switch } from "@/components/ui/field";
import { SearchField } from "@/components/ui/search-field";
import { cn } from "@/lib/cn";
import { text } from "../text";

type Props = {
  label: string;
  lines: string[];
  /** More lines come: the switch that keeps the last one in sight is there. */
  live?: boolean;
};

const lineHeight = 20;

/** Many lines of text: only those in sight are drawn; they can be searched, and followed as they come. */
export function LogView({ label, lines, live }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const [words, setWords] = useState("");
  const [at, setAt] = useState(0); // which of the hits
  const [follow, setFollow] = useState(live ?? false);
  const needle = words.toLocaleLowerCase();
  const hits =
    needle === "" ? [] : lines.flatMap((line, index) => (line.toLocaleLowerCase().includes(needle) ? [index] : []));
  const hit = hits[Math.min(at, hits.length - 1)];
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => lineHeight,
    overscan: 30,
    initialRect: { width: 1000, height: 600 }, // before it is measured
  });

  useEffect(() => {
    if (live) setFollow(true); // what begins while this is open is followed as well
  }, [live]);

  useEffect(() => {
    if (follow && lines.length > 0) virtual.scrollToIndex(lines.length - 1, { align: "end" });
  }, [follow, lines.length, virtual]);

  useEffect(() => {
    if (hit !== undefined) virtual.scrollToIndex(hit, { align: "center" });
  }, [hit, virtual]);

  function go(step: number) {
    if (hits.length > 0) setAt((Math.min(at, hits.length - 1) + step + hits.length) % hits.length);
  }

  return (
    <div className="flex min-h-0 flex-col gap-3">
      <div className="flex flex-wrap items-center gap-3">
        <SearchField
          label={text.logView.search}
          placeholder={text.logView.search}
          clear={text.search.clear}
          value={words}
          onChange={(next) => {
            setWords(next);
            setAt(0);
            setFollow(false);
          }}
        />
        <p role="status" className="min-w-16 text-ink-soft text-sm tabular-nums">
          {needle !== "" && text.logView.hits(hits.length === 0 ? 0 : Math.min(at, hits.length - 1) + 1, hits.length)}
        </p>
        <Button size="icon" aria-label={text.logView.previous} onClick={() => go(-1)}>
          <ArrowUp aria-hidden className="size-4" />
        </Button>
        <Button size="icon" aria-label={text.logView.next} onClick={() => go(1)}>
          <ArrowDown aria-hidden className="size-4" />
        </Button>
        {live && (
          <span className="flex items-center gap-2 text-sm">
            <Switch label={text.logView.follow} checked={follow} onChange={setFollow} />
            {text.logView.follow}
          </span>
        )}
      </div>
      <section
        ref={scroller}
        aria-label={label}
        tabIndex={0}
        className="h-[60vh] overflow-auto rounded-lg border border-line bg-ground font-mono text-xs leading-5"
      >
        {lines.length === 0 && <p className="p-4 text-ink-soft">{text.logView.empty}</p>}
        <div className="relative min-w-max" style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map((item) => (
            <div
              key={item.key}
              className={cn(
                "absolute inset-x-0 flex whitespace-pre pr-4",
                item.index === hit
                  ? "bg-accent-line"
                  : needle !== "" && lines[item.index]?.toLocaleLowerCase().includes(needle) && "bg-accent-ground",
              )}
              style={{ height: lineHeight, transform: `translateY(${item.start}px)` }}
            >
              <span aria-hidden className="mr-3 w-14 shrink-0 select-none text-right text-ink-soft">
                {item.index + 1}
              </span>
              {lines[item.index]}
            </div>
          ))}
        </div>
      </section>
    </div>
  );
}
