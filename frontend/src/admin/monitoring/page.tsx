import { Page } from "../kit/page";
import { text } from "../text";

/** To come. */
export function MonitoringPage() {
  return (
    <Page title={text.tabs.monitoring} lead="">
      {null}
    </Page>
  );
}
