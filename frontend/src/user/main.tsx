import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { speakLanguage } from "@/lib/language";
import { showTheme } from "@/lib/theme";
import "./styles.css";
import { makeRouter } from "./router";

showTheme();
const root = document.getElementById("root");
if (!root) throw new Error("the page has no #root");

const page = createRoot(root);
void speakLanguage().then(() =>
  page.render(
    <StrictMode>
      <QueryClientProvider client={new QueryClient()}>
        <RouterProvider router={makeRouter()} />
      </QueryClientProvider>
    </StrictMode>,
  ),
);
