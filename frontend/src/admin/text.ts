import type { Widened } from "@/lib/text";
import { english } from "./languages/en";

/** What every language of the panel has to say. */
export type Texts = Widened<typeof english>;

/** The sentences of the language that the panel speaks. It is chosen before anything that reads them is loaded. */
export let text: Texts = english;

/** Has the panel speak another language; call it before what reads the sentences is loaded. */
export function speak(texts: Texts): void {
  text = texts;
}
