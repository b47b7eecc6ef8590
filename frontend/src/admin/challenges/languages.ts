import { html } from "@codemirror/lang-html";
import { javascript } from "@codemirror/lang-javascript";
import { json } from "@codemirror/lang-json";
import { php } from "@codemirror/lang-php";
import { python } from "@codemirror/lang-python";
import { yaml } from "@codemirror/lang-yaml";
import { StreamLanguage, type StreamParser } from "@codemirror/language";
import { c, cpp } from "@codemirror/legacy-modes/mode/clike";
import { dockerFile } from "@codemirror/legacy-modes/mode/dockerfile";
import { go } from "@codemirror/legacy-modes/mode/go";
import { nginx } from "@codemirror/legacy-modes/mode/nginx";
import { ruby } from "@codemirror/legacy-modes/mode/ruby";
import { rust } from "@codemirror/legacy-modes/mode/rust";
import { shell } from "@codemirror/legacy-modes/mode/shell";
import { toml } from "@codemirror/legacy-modes/mode/toml";
import type { Extension } from "@codemirror/state";

const stream = (mode: StreamParser<unknown>) => () => StreamLanguage.define(mode);

const byExtension: Record<string, () => Extension> = {
  c: stream(c),
  cc: stream(cpp),
  conf: stream(nginx),
  cpp: stream(cpp),
  go: stream(go),
  h: stream(c),
  htm: () => html(),
  html: () => html(),
  js: () => javascript(),
  json: () => json(),
  jsx: () => javascript({ jsx: true }),
  mjs: () => javascript(),
  php: () => php(),
  py: () => python(),
  rb: stream(ruby),
  rs: stream(rust),
  sh: stream(shell),
  toml: stream(toml),
  ts: () => javascript({ typescript: true }),
  yaml: () => yaml(),
  yml: () => yaml(),
};

/** How a file is coloured; nothing for what is not known. */
export function languageOf(path: string): Extension {
  const name = path.slice(path.lastIndexOf("/") + 1).toLowerCase();
  if (name.startsWith("dockerfile")) return StreamLanguage.define(dockerFile);
  return byExtension[name.slice(name.lastIndexOf(".") + 1)]?.() ?? [];
}
