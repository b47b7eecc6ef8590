import { useState } from "react";

const key = "whaley-hide-solved";

/** Whether solved challenges are left out; it is remembered in this browser. */
export function useHideSolved(): [boolean, (hide: boolean) => void] {
  const [hide, setHide] = useState(read);
  return [
    hide,
    (next) => {
      setHide(next);
      try {
        localStorage.setItem(key, next ? "yes" : "");
      } catch {
        // then it holds for this page
      }
    },
  ];
}

function read(): boolean {
  try {
    return localStorage.getItem(key) === "yes";
  } catch {
    return false; // storage is forbidden
  }
}
