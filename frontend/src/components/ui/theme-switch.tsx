import { Monitor, Moon, Sun } from "lucide-react";
import { useState } from "react";
import { text } from "@/lib/text";
import { nextTheme, theme } from "@/lib/theme";
import { Button } from "./button";

const icons = { system: Monitor, light: Sun, dark: Moon };

/** Dark, light, or as the system has it. */
export function ThemeSwitch() {
  const [chosen, setChosen] = useState(theme);
  const Icon = icons[chosen];
  return (
    <Button
      look="ghost"
      size="icon"
      aria-label={text.theme.label(text.theme[chosen])}
      title={text.theme.label(text.theme[chosen])}
      onClick={() => setChosen(nextTheme())}
    >
      <Icon aria-hidden className="size-4" />
    </Button>
  );
}
