import { english } from "./languages/en";

/** Texts of any language: what English says as a shape. */
export type Widened<T> = T extends string
  ? string
  : T extends (...of: infer A) => string
    ? (...of: A) => string
    : { readonly [K in keyof T]: Widened<T[K]> };

/** What every language has to say. */
export type Texts = Widened<typeof english>;

/** The sentences of the language that the page speaks. Read them while drawing: they are chosen before that. */
export let text: Texts = english;

/** Has the page speak another language; call it before anything is drawn. */
export function speak(texts: Texts): void {
  text = texts;
}
