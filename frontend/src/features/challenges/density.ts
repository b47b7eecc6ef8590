import { useState } from "react";

/** How much of each challenge is shown at first. */
export type Density = "cards" | "list";

const key = "whaley-density";
const few = 12; // challenges, all of which one sees as cards

/** What the player has chosen, else what suits the number of challenges. */
export function useDensity(count: number): [Density, (density: Density) => void] {
  const [chosen, setChosen] = useState<Density | undefined>(read);
  return [
    chosen ?? (count > few ? "list" : "cards"),
    (density) => {
      setChosen(density);
      try {
        localStorage.setItem(key, density);
      } catch {
        // then it holds for this page
      }
    },
  ];
}

function read(): Density | undefined {
  try {
    const kept = localStorage.getItem(key);
    return kept === "cards" || kept === "list" ? kept : undefined;
  } catch {
    return undefined; // storage is forbidden
  }
}
