/** The path of this host that an address names, or "/": nobody is sent to another site after signing in. */
export function localPath(next: string | undefined): string {
  if (!next?.startsWith("/")) return "/";
  const origin = window.location.origin;
  try {
    const url = new URL(next, origin);
    if (/^\/login\/*$/.test(url.pathname)) return "/"; // whoever has signed in is not to sign in
    const path = url.pathname + url.search + url.hash;
    // The path is read once more by whoever goes there: "/.//evil.example" stays here and its path, "//evil.example", does not.
    return url.origin === origin && new URL(path, origin).href === url.href ? path : "/";
  } catch {
    return "/";
  }
}
