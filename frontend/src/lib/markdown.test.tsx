import { render, screen } from "@testing-library/react";
import { expect, it } from "vitest";
import { Markdown } from "./markdown";

it("renders what an author writes", () => {
  render(<Markdown source={"Find **it** at [the site](https://example.org).\n\n- one\n- two\n\n`code`"} />);
  expect(screen.getByText("it").tagName).toBe("STRONG");
  expect(screen.getByRole("link", { name: "the site" })).toHaveAttribute("href", "https://example.org");
  expect(screen.getAllByRole("listitem")).toHaveLength(2);
  expect(screen.getByText("code").tagName).toBe("CODE");
});

it("shows HTML as text", () => {
  const { container } = render(<Markdown source={'<img src=x onerror="alert(1)"> and <b>bold</b>'} />);
  expect(container.querySelector("img, b")).toBeNull();
  expect(container).toHaveTextContent('<img src=x onerror="alert(1)">');
});

it.each(["javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "/instances"])(
  "does not link %s",
  (href) => {
    render(<Markdown source={`[press](${href})`} />);
    expect(screen.queryByRole("link")).toBeNull();
    expect(screen.getByText("press")).toBeVisible();
  },
);

it("turns a picture into a link, so that nothing is loaded from elsewhere", () => {
  const { container } = render(<Markdown source="![plan](https://example.org/plan.png)" />);
  expect(container.querySelector("img")).toBeNull();
  expect(screen.getByRole("link", { name: "plan" })).toBeVisible();
});
