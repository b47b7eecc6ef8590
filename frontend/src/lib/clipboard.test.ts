import { afterEach, expect, it, vi } from "vitest";
import { copyText } from "./clipboard";

// A page that came by plain http from another machine has no navigator.clipboard.
function withoutClipboard(execCommand: () => boolean) {
  vi.stubGlobal("navigator", { ...navigator, clipboard: undefined });
  document.execCommand = vi.fn(execCommand);
}

afterEach(() => {
  Reflect.deleteProperty(document, "execCommand");
});

it("copies by selection where the browser gives no clipboard, and gives the focus back", async () => {
  const button = document.body.appendChild(document.createElement("button"));
  button.focus();
  let selected: string | undefined;
  withoutClipboard(() => {
    selected = (document.activeElement as HTMLTextAreaElement).value;
    return true;
  });
  expect(await copyText("nc host 1")).toBe(true);
  expect(selected).toBe("nc host 1");
  expect(document.querySelector("textarea")).toBeNull();
  expect(button).toHaveFocus();
});

it("says so when the browser refuses", async () => {
  withoutClipboard(() => {
    throw new Error("refused");
  });
  expect(await copyText("nc host 1")).toBe(false);
  expect(document.querySelector("textarea")).toBeNull();
});
