import type { Setting } from "@/api/admin";

/** What has been filled in and not saved yet, by name, in the form that the environment has. */
export type Draft = Record<string, string>;

/** A setting's value in the form that the environment has; of a secret nothing is known. */
export function textOf(value: Setting["value"]): string {
  return value === null || value === undefined ? "" : String(value);
}

/** A setting's value for people: the empty one is named. */
export function shown(value: Setting["value"], empty: string): string {
  const text = textOf(value);
  if (text.startsWith("data:")) return `${text.slice(0, text.indexOf(";") + 1)}… (${Math.ceil(text.length / 1000)} kB)`;
  return text === "" ? empty : text;
}

/** The draft with another value; what equals the saved value is no change. */
export function changed(draft: Draft, setting: Setting, value: string): Draft {
  const { [setting.name]: _, ...others } = draft;
  return value === textOf(setting.value) && setting.type !== "secret" ? others : { ...others, [setting.name]: value };
}

/** Why a value cannot be right, seen from here; the server has the last word. */
export function faultOf(setting: Setting, value: string, say: Faults): string | undefined {
  switch (setting.type) {
    case "int":
    case "duration":
      if (!/^-?\d+$/.test(value.trim())) return say.whole;
      return bounds(setting, Number(value), say);
    case "float":
      if (value.trim() === "" || Number.isNaN(Number(value))) return say.number;
      return bounds(setting, Number(value), say);
    case "bytes":
      return /^\d+(\.\d+)?\s*[kmgt]?i?b?$/i.test(value.trim()) ? undefined : say.bytes;
    case "url":
      return value === "" || /^https?:\/\/\S+$/i.test(value) ? undefined : say.url;
    case "colour":
      return value === "" || /^#[0-9a-f]{6}$/i.test(value) ? undefined : say.colour;
    case "image":
      return value.length <= mostImage ? undefined : say.image;
    default:
      return undefined;
  }
}

/** The longest data: address of a picture that the server takes: 40,000 bytes in base64, and what is before these. */
const mostImage = 53_400;

/** The sentences of faultOf. */
export type Faults = {
  whole: string;
  number: string;
  bytes: string;
  url: string;
  colour: string;
  image: string;
  least: (min: string) => string;
  most: (max: string) => string;
};

function bounds({ min, max }: Setting, value: number, say: Faults): string | undefined {
  if (min !== "" && value < Number(min)) return say.least(min);
  if (max !== "" && value > Number(max)) return say.most(max);
  return undefined;
}

/** Settings that the search leaves, under the headings of their sections. */
export function bySection(settings: Setting[], words: string): { section: string; settings: Setting[] }[] {
  const all = words.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  const sections = new Map<string, Setting[]>();
  for (const setting of settings) {
    const text = `${setting.name}\n${setting.section}\n${setting.help}`.toLocaleLowerCase();
    if (!all.every((word) => text.includes(word))) continue;
    sections.set(setting.section, [...(sections.get(setting.section) ?? []), setting]);
  }
  return [...sections].map(([section, members]) => ({ section, settings: members }));
}
