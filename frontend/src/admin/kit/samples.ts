/** Some figures at a moment, Unix milliseconds. */
export type Sample<T> = T & { at: number };

const keep = 360; // samples of one kind: half an hour at the pace of the page

/** Figures over time, for as long as the panel is open: a sample is added when its moment is another than the last one's. */
export class Samples<T> {
  private series = new Map<string, Sample<T>[]>();

  /** Adds a sample and gives all of its kind, oldest first. */
  add(kind: string, at: number, figures: T): readonly Sample<T>[] {
    const known = this.series.get(kind) ?? [];
    if (known.at(-1)?.at === at) return known;
    const next = [...known, { ...figures, at }].slice(-keep);
    this.series.set(kind, next);
    return next;
  }

  /** All samples of a kind, oldest first. */
  of(kind: string): readonly Sample<T>[] {
    return this.series.get(kind) ?? [];
  }

  /** Forgets the kinds that are not among these. */
  prune(kinds: ReadonlySet<string>): void {
    for (const kind of this.series.keys()) if (!kinds.has(kind)) this.series.delete(kind);
  }
}
