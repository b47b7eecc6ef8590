import { Segmented } from "@/components/ui/segmented";
import { useFilters } from "../kit/filters";
import { Page } from "../kit/page";
import { text } from "../text";
import { Events } from "./events";
import { Forensics } from "./forensics";
import { Ports } from "./ports";

/** What happened, which ports belong to whom, and what containers have written. */
export function LogsPage() {
  const [filters, setFilters] = useFilters();
  const view = filters.view ?? "events";
  return (
    <Page title={text.tabs.logs} lead={text.logs.lead}>
      <Segmented
        label={text.logs.view}
        value={view}
        onChange={(next) => setFilters({ view: next === "events" ? undefined : next })}
        options={[
          { value: "events", label: text.logs.viewEvents },
          { value: "forensics", label: text.logs.viewForensics },
          { value: "ports", label: text.logs.viewPorts },
        ]}
      />
      {view === "forensics" ? <Forensics /> : view === "ports" ? <Ports /> : <Events />}
    </Page>
  );
}
