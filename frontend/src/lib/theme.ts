/** Which colours the pages have: the system's, or those that were chosen. */
export type Theme = "system" | "light" | "dark";

const key = "whaley-theme";
const order: Theme[] = ["system", "light", "dark"];

/** What was chosen in this browser. */
export function theme(): Theme {
  try {
    const chosen = localStorage.getItem(key);
    return order.find((one) => one === chosen) ?? "system";
  } catch {
    return "system"; // storage is forbidden
  }
}

/** Puts the choice on the page; call it before anything is drawn. */
export function showTheme(chosen = theme()): void {
  if (chosen === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
}

/** Goes on to the next choice, and remembers it. */
export function nextTheme(): Theme {
  const next = order[(order.indexOf(theme()) + 1) % order.length] ?? "system";
  try {
    localStorage.setItem(key, next);
  } catch {
    // then it holds for this page
  }
  showTheme(next);
  return next;
}
