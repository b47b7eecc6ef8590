/** Some figures at a moment, Unix milliseconds. */
export type Sample<T> = T & { at: number };

const keep = 360; // samples of one kind: half an hour at the pace of the page
const kinds = 1000; // the kind that came first goes first

/** Figures over time, for as long as the panel is open: a sample is added when its moment is another than the last one's. */
export class Samples<T> {
  private series = new Map<string, Sample<T>[]>();

  /** Adds a sample and gives all of its kind, oldest first. */
  add(kind: string, at: number, figures: T): readonly Sample<T>[] {
    const known = this.series.get(kind) ?? [];
    if (known.at(-1)?.at === at) return known;
    if (known.length === 0 && this.series.size === kinds) this.series.delete(this.series.keys().next().value ?? "");
    const next = [...known, { ...figures, at }].slice(-keep);
    this.series.set(kind, next);
    return next;
  }

  /** All samples of a kind, oldest first. */
  of(kind: string): readonly Sample<T>[] {
    return this.series.get(kind) ?? [];
  }
}
