import { chooseLanguage, type Language, language, languages } from "@/lib/language";
import { text } from "@/lib/text";

/** The language of the page, by its own name. */
export function LanguageSwitch() {
  return (
    <select
      aria-label={text.language}
      title={text.language}
      value={language()}
      onChange={({ target }) => chooseLanguage(target.value as Language)}
      className="h-10 max-w-28 cursor-pointer rounded-lg border-0 bg-transparent px-1 text-ink-soft text-sm hover:bg-raised hover:text-ink"
    >
      {Object.entries(languages).map(([code, name]) => (
        <option key={code} value={code} lang={code} className="bg-card text-ink">
          {name}
        </option>
      ))}
    </select>
  );
}
