const units: Record<string, number> = { "": 1 << 20, b: 1, k: 1 << 10, m: 1 << 20, g: 1 << 30, t: 1024 * (1 << 30) };

/** Bytes of a size such as `64m`, `1.5 GiB` or, in MiB, `384`; undefined: it is none; 0: the field is empty. */
export function bytesOf(typed: string): number | undefined {
  const words = typed.trim().toLowerCase();
  if (words === "") return 0;
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*([bkmgt]?)(?:i?b)?$/.exec(words) ?? [];
  const factor = unit === undefined ? undefined : units[unit];
  const bytes = Math.round(Number(number) * (factor ?? Number.NaN));
  return bytes > 0 ? bytes : undefined;
}
