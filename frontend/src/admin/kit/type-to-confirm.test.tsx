import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import { TypeToConfirm } from "./type-to-confirm";

it("lets nothing go before exactly its name was typed", async () => {
  const user = userEvent.setup();
  const [confirm, close] = [vi.fn(), vi.fn()];
  render(
    <TypeToConfirm open title="Delete Web 1?" name="web-1" confirm="Delete" onConfirm={confirm} onClose={close}>
      It is gone then.
    </TypeToConfirm>,
  );
  const [field, button] = [screen.getByRole("textbox"), screen.getByRole("button", { name: "Delete" })];
  for (const typed of ["{Enter}", "web{Enter}", "web-11{Enter}", "Web-1{Enter}"]) {
    await user.clear(field);
    await user.type(field, typed);
    expect(button).toBeDisabled();
  }
  expect(confirm).not.toHaveBeenCalled();
  await user.clear(field);
  await user.type(field, " web-1 {Enter}");
  expect(confirm).toHaveBeenCalledOnce();
  expect(close).toHaveBeenCalledOnce();
});
