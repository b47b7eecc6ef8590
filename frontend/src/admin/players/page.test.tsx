import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { HttpResponse, http } from "msw";
import { expect, it } from "vitest";
import { at, webRoute } from "@/test/fixtures";
import { renderPanel } from "@/test/render-panel";
import { server } from "@/test/server";

const red = { id: "team_7", name: "Red Pandas", live: 1, total: 4, last_at: at(0) };

function serve(): URLSearchParams[] {
  const asked: URLSearchParams[] = [];
  server.use(
    http.get("*/admin/api/owners", ({ request }) => {
      const q = new URL(request.url).searchParams.get("q") ?? "";
      return HttpResponse.json({ owners: "red pandas team_7".includes(q.toLowerCase()) ? [red] : [] });
    }),
    http.get("*/admin/api/owners/team_7", () =>
      HttpResponse.json({
        id: red.id,
        name: red.name,
        solves: [{ challenge_id: "notes", ctfd_challenge: 3, at: at(0) }],
        addresses: [{ challenge_id: "notes", challenge_name: "Notes", routes: [webRoute] }],
      }),
    ),
    http.get("*/admin/api/instances", ({ request }) => {
      asked.push(new URL(request.url).searchParams);
      return HttpResponse.json({ instances: [], counts: {}, next: "", now: at(0) });
    }),
    http.get("*/admin/api/challenges/list", () => HttpResponse.json({ challenges: [] })),
  );
  return asked;
}

it("finds a team by a part of its name, and shows what there is of it", async () => {
  const user = userEvent.setup();
  const asked = serve();
  const router = renderPanel("/players");
  await user.type(await screen.findByRole("searchbox"), "panda");
  await user.click(await screen.findByRole("link", { name: "Red Pandas" }));
  expect(await screen.findByRole("heading", { level: 1, name: "Red Pandas" })).toBeVisible();
  expect(asked.at(-1)?.get("owner")).toBe("team_7");
  expect(asked.at(-1)?.get("state")).toBe("all");

  await user.click(screen.getByRole("radio", { name: "Solves" }));
  expect(await within(await screen.findByRole("table", { name: "Solves" })).findByText("notes")).toBeVisible();
  await user.click(screen.getByRole("radio", { name: "Addresses" }));
  expect(await screen.findByRole("link", { name: "Open Notes" })).toHaveAttribute("href", webRoute.url);
  expect(router.state.location.search).toEqual({ owner: "team_7", view: "addresses" });
});
