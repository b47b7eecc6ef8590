// What a terminal acts on: colours, and where the next letter goes.
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what they are
const escapes = /\u001b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g;

/** A build's log for people: without what is for terminals, and without the labels that Whaley puts onto every image. */
export function buildLines(log: string): string[] {
  if (log === "") return [];
  const lines = log.replace(escapes, "").replace(/\n$/, "").split("\n");
  const shown: string[] = [];
  let label = false;
  for (const line of lines) {
    const text = line.slice(line.lastIndexOf("\r", line.length - 2) + 1).replace(/\r$/, "");
    if (/^(Step \d+\/\d+ : |#\d+ .*)?LABEL "?whaley\./.test(text)) {
      label = true;
      continue;
    }
    if (label && /^ ---> |^Removing intermediate container /.test(text)) continue;
    label = false;
    shown.push(text);
  }
  return shown;
}
