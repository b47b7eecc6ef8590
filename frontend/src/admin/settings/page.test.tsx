import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
import { expect, it } from "vitest";
import { renderPanel } from "@/test/render-panel";
import { server } from "@/test/server";

const setting = {
  name: "DRAIN_MESSAGE",
  section: "Starting",
  description: "What players read.",
  type: "text",
  value: "Paused.",
  default: "Paused.",
  environment: "Paused.",
  live: true,
  secret: false,
  set: true,
  overridden: false,
  choices: [],
  min: "",
  max: "",
  unit: "",
  ignored: "",
};

it("asks before edits that are not saved are left behind", async () => {
  server.use(
    http.get("*/admin/api/settings", () => HttpResponse.json({ settings: [setting] })),
    http.get("*/admin/api/*", () => new HttpResponse(null, { status: 404 })),
  );
  const user = userEvent.setup();
  const router = renderPanel("/settings");
  await user.type(await screen.findByDisplayValue("Paused."), " Soon on again.");
  await user.click(screen.getByRole("link", { name: "Logs" }));
  const question = await screen.findByRole("alertdialog", { name: "Leave without saving?" });
  await user.click(within(question).getByRole("button", { name: "Stay here" }));
  expect(router.state.location.pathname).toBe("/settings");
  expect(screen.getByDisplayValue("Paused. Soon on again.")).toBeVisible();
  await user.click(screen.getByRole("link", { name: "Logs" }));
  await user.click(await screen.findByRole("button", { name: "Leave without saving" }));
  await waitFor(() => expect(router.state.location.pathname).toBe("/logs"));
});

it("says since when Whaley has not answered", async () => {
  let answers = true;
  server.use(
    http.get("*/admin/api/settings", () =>
      answers ? HttpResponse.json({ settings: [setting] }) : HttpResponse.error(),
    ),
    http.post("*/admin/api/settings/load", () =>
      answers ? HttpResponse.json({ settings: [setting] }) : HttpResponse.error(),
    ),
  );
  const user = userEvent.setup();
  renderPanel("/settings");
  await screen.findByDisplayValue("Paused.");
  answers = false;
  await user.click(screen.getByRole("button", { name: "Reload settings" }));
  expect(await screen.findByText(/^No connection to Whaley since \d\d:\d\d:\d\d/)).toBeVisible();
  answers = true;
  await user.click(screen.getByRole("button", { name: "Reload settings" }));
  await waitFor(() => expect(screen.queryByText(/^No connection to Whaley/)).toBeNull());
});
