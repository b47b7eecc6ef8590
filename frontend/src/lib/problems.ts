/** What one language says of problems by their stable code, and of what the sidecar else says in English. */
export type Catalogue = { problems: Record<string, string>; words: Record<string, string> };

/** What there is of a problem to say it in another language. */
type Told = { code: string; detail: string; values?: string[] };

const english: Catalogue = { problems: {}, words: {} };
const waiting = "Waiting for";

let said = english;
let moments: Intl.DateTimeFormat | undefined;

/** Has problems and stages speak another language, as `speak` does for the page's own sentences. */
export function speakProblems(language: string, catalogue: Catalogue = english): void {
  said = catalogue;
  moments = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
}

/** What went wrong and what to do, in the page's language; in English where that has no words for it. */
export function detailOf({ code, detail, values = [] }: Told): string {
  const sentence = said.problems[`${code}/${values.length}`] ?? said.problems[code];
  if (sentence === undefined) return detail;
  let missing = false;
  const filled = sentence.replace(/\{(\d)\}/g, (_, place: string) => {
    const value = values[Number(place) - 1];
    if (value === undefined) missing = true;
    return wordOf(value ?? "");
  });
  return missing ? detail : filled;
}

/** What is being done for a start, in the page's language. */
export function stageOf(stage: string): string {
  if (stage.startsWith(`${waiting} `) && said !== english) {
    return `${said.words[waiting]} ${stage.slice(waiting.length + 1)}`;
  }
  return wordOf(stage);
}

function wordOf(value: string): string {
  const known = said.words[value];
  if (known !== undefined) return known;
  return moments && /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/.test(value) ? moments.format(new Date(value)) : value;
}
