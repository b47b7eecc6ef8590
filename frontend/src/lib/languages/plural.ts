/** Chooses between the forms of a language by its own rules for numbers; what has no form of its own takes the last. */
export function pluralOf(language: string): (count: number, one: string, other: string) => string {
  const rules = new Intl.PluralRules(language);
  return (count, one, other) => (rules.select(count) === "one" ? one : other);
}
