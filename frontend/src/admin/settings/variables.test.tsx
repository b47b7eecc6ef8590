import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render, screen } from "@testing-library/react";
import { expect, test } from "vitest";
import { Variables } from "./variables";

test("a variable is shown by its name, whose it is and who names it, and its value is typed unseen", async () => {
  const client = new QueryClient({ defaultOptions: { queries: { staleTime: Number.POSITIVE_INFINITY } } });
  client.setQueryData(
    ["admin", "variables"],
    [
      { name: "OPENAI_API_KEY", challenge_id: "", used_by: ["web-bot"] },
      { name: "MAPS_KEY", challenge_id: "geo", used_by: [] },
    ],
  );
  render(
    <QueryClientProvider client={client}>
      <Variables />
    </QueryClientProvider>,
  );
  const [first, second] = screen.getAllByRole("listitem");
  expect(first).toHaveTextContent(/OPENAI_API_KEY.*Of all challenges.*Named by web-bot/);
  expect(second).toHaveTextContent(/MAPS_KEY.*Of geo.*No challenge names it/);
  expect(screen.getByLabelText("Value")).toHaveAttribute("type", "password");
});
