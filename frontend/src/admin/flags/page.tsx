import { Page } from "../kit/page";
import { text } from "../text";

/** To come. */
export function FlagsPage() {
  return (
    <Page title={text.tabs.flags} lead="">
      {null}
    </Page>
  );
}
