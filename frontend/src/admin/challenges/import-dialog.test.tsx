import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render, screen } from "@testing-library/react";
import { beforeAll, expect, test, vi } from "vitest";
import type { ImportedChallenge } from "@/api/admin";
import { ImportDialog } from "./import-dialog";

beforeAll(() => {
  HTMLDialogElement.prototype.showModal ??= vi.fn(); // which jsdom lacks
});

const challenge: ImportedChallenge = {
  folder: "web/blog",
  id: "blog",
  verdict: "noted",
  metadata: "ctfcli",
  compose_made: true,
  flag: "own",
  routes: [{ name: "", service: "web", port: 80, type: "http" }],
  notes: ["a port was left out"],
  problems: [],
  exists: false,
  changes: { files: [], more: 0 },
  taken: false,
  refusal: "",
};

test("what is new is chosen, what would replace another waits to be chosen, what is refused cannot be", () => {
  const challenges: ImportedChallenge[] = [
    challenge,
    { ...challenge, folder: "web/old", id: "old", exists: true },
    {
      ...challenge,
      folder: "web/bad",
      id: "bad",
      verdict: "refused",
      problems: [{ file: "bad/compose.yaml", line: 3, key: "services.web.pid", text: "is not allowed" }],
    },
  ];
  render(
    <QueryClientProvider client={new QueryClient()}>
      <ImportDialog
        file={new File([], "event.zip")}
        report={{ challenges, notes: [], resting: 2 }}
        onClose={() => {}}
      />
    </QueryClientProvider>,
  );
  const box = (folder: string) => screen.getByLabelText(`Take ${folder}`);
  expect(box("web/blog")).toBeChecked();
  expect(box("web/old")).not.toBeChecked();
  expect(box("web/bad")).toBeDisabled();
  expect(screen.getByText("Replaces old")).toBeInTheDocument();
  expect(screen.getByText(/is not allowed/)).toBeInTheDocument();
  expect(screen.getByText("Take 1 challenge")).toBeInTheDocument();
  expect(screen.getByText(/2 folders have a description/)).toBeInTheDocument();
});
