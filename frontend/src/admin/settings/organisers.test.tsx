import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
import { expect, it } from "vitest";
import { at } from "@/test/fixtures";
import { renderPanel } from "@/test/render-panel";
import { server } from "@/test/server";

const organiser = {
  id: "k1",
  name: "Zoë",
  role: "operator",
  created_at: at(0),
  created_by: "admin key at ::1",
  revoked_at: null,
  revoked_by: "",
};

const settings = http.get("*/admin/api/settings", () => HttpResponse.json({ settings: [] }));

it("shows a key once, and revokes it after a question", async () => {
  const rows: (typeof organiser)[] = [];
  const asked: unknown[] = [];
  server.use(
    settings,
    http.get("*/admin/api/organisers", () => HttpResponse.json({ organisers: rows })),
    http.post("*/admin/api/organisers", async ({ request }) => {
      asked.push(await request.json());
      rows.push(organiser);
      return HttpResponse.json({ organiser, key: "whaley_ONCE" }, { status: 201 });
    }),
    http.delete("*/admin/api/organisers/k1", () => {
      rows.pop();
      return new HttpResponse(null, { status: 204 });
    }),
  );
  const user = userEvent.setup();
  renderPanel("/settings?view=organisers");
  await user.type(await screen.findByLabelText("Name"), "Zoë");
  await user.click(screen.getByRole("button", { name: "Make a key" }));
  const shown = await screen.findByRole("dialog", { name: "The key of Zoë" });
  expect(within(shown).getByText("whaley_ONCE")).toBeVisible();
  expect(asked).toEqual([{ name: "Zoë", role: "operator" }]);
  await user.click(within(shown).getByRole("button", { name: "Close" }));
  expect(screen.queryByText("whaley_ONCE")).toBeNull();
  await user.click(await screen.findByRole("button", { name: "Revoke the key of Zoë" }));
  await user.click(within(await screen.findByRole("alertdialog")).getByRole("button", { name: "Revoke" }));
  expect(await screen.findByText("No keys yet")).toBeVisible();
});

it("offers a viewer nothing that changes anything, and says whose it is", async () => {
  const sent: string[] = [];
  server.use(
    http.get("*/admin/api/settings", () =>
      HttpResponse.json(
        { code: "role_missing", detail: "This takes the role admin; Ada has the role viewer.", status: 403 },
        { status: 403 },
      ),
    ),
    http.post("*/admin/api/*", ({ request }) => {
      sent.push(request.url);
      return HttpResponse.json({});
    }),
  );
  const user = userEvent.setup();
  renderPanel("/settings", "viewer");
  expect(await screen.findByText(/This takes the role admin; Ada/)).toBeVisible();
  expect(screen.getByText("Viewer")).toBeVisible();
  const reload = screen.getByRole("button", { name: "Reload settings", description: "This takes the role admin" });
  expect(reload).toHaveAttribute("aria-disabled", "true");
  await user.click(reload);
  expect(sent).toEqual([]);
});

it("gives an operator an operator's buttons", async () => {
  server.use(
    settings,
    http.get("*/admin/api/challenges/list", () => HttpResponse.json({ challenges: [] })),
    http.get("*/admin/api/challenges/settings", () => HttpResponse.json({ settings: [] })),
    http.get("*/admin/api/drafts", () => HttpResponse.json({ drafts: [] })),
  );
  renderPanel("/challenges", "operator");
  expect(await screen.findByRole("button", { name: "Upload an archive" })).not.toHaveAttribute("aria-disabled");
  expect(screen.getByRole("button", { name: "Reload all" })).not.toHaveAttribute("aria-disabled");
});
