import { startSidecar } from "./sidecar";

/** Starts the sidecar once for all tests; the function it gives back stops it after them. */
export default async function globalSetup() {
  const { api, dashboard, stop } = await startSidecar();
  process.env.E2E_API = api; // the way from here to the tests, which run in a process of their own
  process.env.E2E_DASHBOARD = dashboard;
  return stop;
}
