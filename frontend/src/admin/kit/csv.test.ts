import { expect, it } from "vitest";
import { csvOf } from "./csv";

it("quotes what needs it, and lets no spreadsheet compute a name", () => {
  expect(
    csvOf(
      ["name", "n"],
      [
        ['a "b", c', 1],
        ["=HYPERLINK(1)", -2],
        ["two\nlines", true],
      ],
    ),
  ).toBe(`name,n\n"a ""b"", c",1\n'=HYPERLINK(1),-2\n"two\nlines",true\n`);
});
