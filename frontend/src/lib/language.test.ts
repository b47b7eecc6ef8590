import { expect, it } from "vitest";
import { type Language, languageOf, languages } from "./language";
import { english } from "./languages/en";

it("takes the first language that there is of what the browser prefers", () => {
  expect(languageOf(["fr-CH", "de"])).toBe("fr");
  expect(languageOf(["nl-NL", "zh-Hans-CN", "en"])).toBe("zh");
  expect(languageOf(["DE-at"])).toBe("de");
  expect(languageOf(["nl", "constructor"])).toBe("en");
  expect(languageOf([])).toBe("en");
});

/** Every sentence with its place; those with gaps are filled in. */
function sentences(texts: unknown, path = ""): [string, string][] {
  if (typeof texts === "string") return [[path, texts]];
  if (typeof texts === "function") return [[path, String(texts("Ada", 3, 4))]];
  return Object.entries(texts as object).flatMap(([key, inner]) => sentences(inner, `${path}.${key}`));
}

it.each(Object.keys(languages).filter((code) => code !== "en") as Exclude<Language, "en">[])(
  "says in %s all that English says, and leaves no gap empty",
  async (code) => {
    const { texts } = await import(`./languages/${code}.ts`);
    const said = new Map(sentences(texts));
    expect([...said.keys()]).toEqual(sentences(english).map(([path]) => path));
    for (const [path, sentence] of sentences(english)) {
      const here = said.get(path) ?? "";
      expect(here.trim(), path).not.toBe("");
      if (sentence.includes("Ada")) expect(here, path).toContain("Ada");
    }
  },
);
