import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { makeClient } from "./kit/client";
import { makeRouter } from "./router";

/** Draws the panel, once its language is chosen. */
export function start(): void {
  const root = document.getElementById("root");
  if (!root) throw new Error("the page has no #root");

  // The sidecar writes here where ADMIN_PATH has put the panel.
  const path = document.querySelector<HTMLMetaElement>('meta[name="whaley-path"]')?.content ?? "/admin";

  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={makeClient()}>
        <RouterProvider router={makeRouter(path)} />
      </QueryClientProvider>
    </StrictMode>,
  );
}
