import { expect, test } from "vitest";
import { type Language, languages } from "@/lib/language";

test.each(Object.keys(languages) as Language[])(
  "%s says how many of a challenge wait and how many are warm, and nothing of none",
  async (code) => {
    const module = await import(`../languages/${code}.ts`);
    const { aheadOf, about } = (code === "en" ? module.english : module.texts).challenges;
    expect(aheadOf(0, 0)).toBe("");
    expect(aheadOf(3, 0)).toMatch(/^\D*3\D*$/);
    expect(aheadOf(0, 2)).toMatch(/^\D*2\D*$/);
    expect(aheadOf(3, 2)).toMatch(/^\D*3\D+2\D*$/);
    expect(about("web-notes", "", 1, aheadOf(0, 0))).not.toMatch(/· *$/);
    expect(about("web-notes", "", 1, aheadOf(3, 2))).toContain(aheadOf(3, 2));
  },
);
