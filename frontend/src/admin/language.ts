import { type Language, language, speakLanguage } from "@/lib/language";
import { speak, type Texts } from "./text";

const load: Record<Exclude<Language, "en">, () => Promise<{ texts: Texts }>> = {
  de: () => import("./languages/de"),
  es: () => import("./languages/es"),
  fr: () => import("./languages/fr"),
  ja: () => import("./languages/ja"),
  zh: () => import("./languages/zh"),
};

/** Has the panel speak the organiser's language; English goes on where its files do not come. */
export async function speakPanel(chosen = language()): Promise<void> {
  if (chosen === "en") return;
  try {
    const [own] = await Promise.all([load[chosen](), speakLanguage(chosen)]);
    speak(own.texts);
  } catch {
    // the network is gone, or the sidecar has another build: the panel says what it can
  }
}
