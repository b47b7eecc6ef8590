import { type Catalogue, speakProblems } from "./problems";
import { speak, type Texts } from "./text";

/** The languages of the dashboard, each by its own name. */
export const languages = {
  en: "English",
  de: "Deutsch",
  es: "Español",
  fr: "Français",
  ja: "日本語",
  zh: "中文",
} as const;

/** One of them. */
export type Language = keyof typeof languages;

const key = "whaley-language";

const load: Record<Exclude<Language, "en">, () => Promise<{ texts: Texts; problems: Catalogue }>> = {
  de: () => import("./languages/de"),
  es: () => import("./languages/es"),
  fr: () => import("./languages/fr"),
  ja: () => import("./languages/ja"),
  zh: () => import("./languages/zh"),
};

/** The language that a browser's preferences, such as `fr-CH`, come to: the first that there is, else English. */
export function languageOf(preferred: readonly string[]): Language {
  for (const one of preferred) {
    const base = one.toLowerCase().split("-", 1)[0] as Language;
    if (Object.hasOwn(languages, base)) return base;
  }
  return "en";
}

/** What was chosen by hand in this browser, else what the browser prefers. */
export function language(): Language {
  try {
    const chosen = localStorage.getItem(key);
    if (chosen) return languageOf([chosen]);
  } catch {
    // storage is forbidden
  }
  return languageOf(navigator.languages);
}

/** Has the page speak the player's language; English goes on where its file does not come. */
export async function speakLanguage(chosen = language()): Promise<void> {
  if (chosen === "en") return;
  try {
    const { texts, problems } = await load[chosen]();
    speak(texts);
    speakProblems(chosen, problems);
    document.documentElement.lang = chosen;
  } catch {
    // the network is gone, or the sidecar has another build: the page says what it can
  }
}

/** Remembers another choice, and begins the page anew in it. */
export function chooseLanguage(next: Language): void {
  try {
    localStorage.setItem(key, next);
  } catch {
    return; // it would be forgotten
  }
  tellInstances(next);
  window.location.reload();
}

/**
 * Tells the pages at instances' addresses, by a cookie for this host and what is below it, and for what it is below.
 * A browser refuses it where instances have a domain of their own: there the browser's language counts.
 */
function tellInstances(next: Language): void {
  const { hostname, protocol } = window.location;
  const parent = hostname.slice(hostname.indexOf(".") + 1);
  for (const domain of [hostname, parent]) {
    const secure = protocol === "https:" ? "; Secure" : "";
    // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is not there on plain http
    document.cookie = `whaley_language=${next}; Domain=${domain}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
  }
}
