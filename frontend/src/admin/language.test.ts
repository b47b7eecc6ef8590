import { expect, it } from "vitest";
import { type Language, languages } from "@/lib/language";
import { english } from "./languages/en";

/** Every sentence with its place; those with gaps are filled in. */
function sentences(texts: unknown, path = ""): [string, string][] {
  if (typeof texts === "string") return [[path, texts]];
  if (typeof texts === "function") return [[path, filled(texts as Sentence)]];
  return Object.entries(texts as object).flatMap(([key, inner]) => sentences(inner, `${path}.${key}`));
}

type Sentence = (...of: unknown[]) => string;

/** What a sentence says of a name and numbers, or of names if it is about several. */
function filled(sentence: Sentence): string {
  try {
    return String(sentence("Ada", 3, 4, 5));
  } catch {
    return String(sentence(["Ada"]));
  }
}

it.each(Object.keys(languages).filter((code) => code !== "en") as Exclude<Language, "en">[])(
  "says in %s all that the panel says in English, with nothing left out",
  async (code) => {
    const { texts } = await import(`./languages/${code}.ts`);
    const said = new Map(sentences(texts));
    expect([...said.keys()].sort()).toEqual(
      sentences(english)
        .map(([path]) => path)
        .sort(),
    );
    for (const [path, sentence] of sentences(english)) {
      const here = said.get(path) ?? "";
      expect(here.trim() === "", path).toBe(sentence.trim() === "");
      if (sentence.includes("Ada")) expect(here, path).toContain("Ada");
      expect(here, path).not.toContain("undefined");
    }
    const same = sentences(english).filter(([path, sentence]) => sentence === said.get(path));
    // Names such as CSV, CPU, Docker's words and those that languages share.
    expect(same.length / said.size, `the same as in English: ${same.map(([path]) => path)}`).toBeLessThan(0.1);
  },
);

it("has no sentence in the components: what is shown stands in the catalogues", () => {
  const sources = import.meta.glob<string>("../{admin,features,user,components}/**/*.tsx", {
    query: "?raw",
    import: "default",
    eager: true,
  });
  const found: string[] = [];
  for (const [name, raw] of Object.entries(sources)) {
    if (name.endsWith(".test.tsx")) continue;
    const source = raw.replace(/\/\/.*$|\/\*[\s\S]*?\*\//gm, "");
    for (const [, text = ""] of source.matchAll(/<[A-Za-z][^<>{}]*>\s*([A-Za-z][^<>{}=;]*?[a-z])\s*(?=<)/g)) {
      if (/[a-z]{2,}/.test(text)) found.push(`${name}: ${text}`);
    }
    for (const [all] of source.matchAll(
      /\s(?:aria-label|title|placeholder|label|alt)="[A-Za-z][^"]*[a-z]{2,}[^"]*"/g,
    )) {
      found.push(`${name}: ${all.trim()}`);
    }
  }
  expect(Object.keys(sources).length).toBeGreaterThan(80);
  expect(found).toEqual([]);
});
