import { expect, test } from "vitest";
import { readEvent } from "./event";

function page(content: string): Document {
  const made = document.implementation.createHTMLDocument();
  const meta = made.createElement("meta");
  meta.name = "event";
  meta.content = content;
  made.head.append(meta);
  return made;
}

test("a page that says nothing of an event is Whaley's own", () => {
  const own = { name: "Whaley", home: "", footer: "" };
  expect(readEvent(document.implementation.createHTMLDocument())).toEqual(own);
  expect(readEvent(page("{}"))).toEqual(own);
});

test("an event has its own name, scoreboard and footer", () => {
  const event = { name: "Fox <CTF>", home: "https://ctf.example.org", footer: "By us" };
  expect(readEvent(page(JSON.stringify(event)))).toEqual(event);
});
