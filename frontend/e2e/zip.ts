import { strToU8, zipSync } from "fflate";

/** Packs text files by their paths, as an organiser's archive has them. */
export function zipOf(files: Record<string, string>): Buffer {
  return Buffer.from(
    zipSync(Object.fromEntries(Object.entries(files).map(([path, content]) => [path, strToU8(content)]))),
  );
}
