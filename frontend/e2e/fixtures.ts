import { test as base } from "@playwright/test";
import { Api } from "./api";

type Fixtures = {
  api: Api;
  /** What the browser complained about on its console so far. */
  complaints: string[];
};

/** Playwright's test with the sidecar's API, the dashboard as base address, and no instance before and after. */
export const test = base.extend<Fixtures>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the names out of the pattern
  baseURL: async ({}, use) => use(process.env.E2E_DASHBOARD),
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the names out of the pattern
  api: async ({}, use) => {
    const api = new Api(process.env.E2E_API ?? "");
    await api.stopAll();
    await use(api);
    await api.stopAll();
  },
  complaints: async ({ page }, use) => {
    const complaints: string[] = [];
    page.on("console", (message) => {
      if (message.text().includes("net::ERR_NETWORK_CHANGED")) return; // of the machine, on which networks come and go
      if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(error.message));
    await use(complaints);
  },
});

export const { expect } = test;
