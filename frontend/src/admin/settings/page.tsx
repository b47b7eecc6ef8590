import { useQuery } from "@tanstack/react-query";
import { RefreshCw, SearchX } from "lucide-react";
import { type ReactNode, useState } from "react";
import type { Setting } from "@/api/admin";
import { api, unwrap } from "@/api/client";
import { EmptyState } from "@/components/ui/empty-state";
import { Segmented } from "@/components/ui/segmented";
import { useAction } from "../kit/action";
import { SearchFilter } from "../kit/fields";
import { useFilters } from "../kit/filters";
import { AskBeforeLeaving } from "../kit/leaving";
import { Loaded } from "../kit/loaded";
import { Page, Section } from "../kit/page";
import { Button } from "../kit/takes";
import { text } from "../text";
import { bySection, changed, type Draft, faultOf } from "./draft";
import { History } from "./history";
import { Organisers } from "./organisers";
import { settingsKey, settingsQuery } from "./queries";
import { SaveBar } from "./save-bar";
import { SettingRow } from "./setting-row";
import { Variables } from "./variables";

/** Every setting of the sidecar, made from what it says of them. */
export function SettingsPage() {
  const [filters, setFilters] = useFilters();
  const settings = useQuery(settingsQuery);
  const load = useAction<void>({
    act: () => unwrap(api.POST("/admin/api/settings/load")),
    done: () => text.settings.loaded,
    failed: text.settings.loadFailed,
    renews: [settingsKey],
  });
  const view = filters.view ?? "live";

  return (
    <Page
      title={text.tabs.settings}
      lead={text.settings.lead}
      actions={
        <Button
          takes="admin"
          onClick={() => load.mutate()}
          title={text.settings.loadHint}
          aria-disabled={load.isPending || undefined}
        >
          <RefreshCw aria-hidden className="size-4" /> {text.settings.load}
        </Button>
      }
    >
      <div className="flex flex-wrap gap-3">
        <Segmented
          label={text.settings.view}
          value={view}
          onChange={(next) => setFilters({ view: next === "live" ? undefined : next })}
          options={[
            { value: "live", label: text.settings.viewLive },
            { value: "changed", label: text.settings.viewChanged },
            { value: "all", label: text.settings.viewAll },
            { value: "variables", label: text.variables.title },
            { value: "organisers", label: text.settings.viewOrganisers },
            { value: "history", label: text.settings.viewHistory },
          ]}
        />
        {!(view in others) && (
          <div className="flex min-w-0 flex-1 basis-72">
            <SearchFilter name="q" label={text.settings.search} />
          </div>
        )}
      </div>
      {others[view] ?? (
        <Loaded query={settings} className="h-96">
          {(all) => <Form settings={all} shown={all.filter(inView[view] ?? inView.all)} words={filters.q ?? ""} />}
        </Loaded>
      )}
    </Page>
  );
}

/** What is no list of settings. */
const others: Record<string, ReactNode> = {
  history: <History />,
  variables: <Variables />,
  organisers: <Organisers />,
};

const inView: Record<string, (setting: Setting) => boolean> & { all: (setting: Setting) => boolean } = {
  live: (setting) => setting.live,
  changed: (setting) => setting.overridden,
  all: () => true,
};

function Form({ settings, shown, words }: { settings: Setting[]; shown: Setting[]; words: string }) {
  const [draft, setDraft] = useState<Draft>({});
  const sections = bySection(shown, words);
  const faulty = settings.some(
    (setting) => setting.name in draft && faultOf(setting, draft[setting.name] ?? "", text.settings.fault),
  );
  return (
    <>
      <AskBeforeLeaving dirty={Object.keys(draft).length > 0} />
      {sections.length === 0 && (
        <EmptyState icon={SearchX} title={text.settings.noneTitle}>
          {text.settings.noneText}
        </EmptyState>
      )}
      {sections.map(({ section, settings: members }) => (
        <Section key={section} title={section}>
          <ul className="divide-y divide-line rounded-xl border border-line bg-card">
            {members.map((setting) => (
              <SettingRow
                key={setting.name}
                setting={setting}
                draft={draft[setting.name]}
                onChange={(value) => setDraft((old) => changed(old, setting, value))}
                onUndo={() => setDraft(({ [setting.name]: _, ...others }) => others)}
              />
            ))}
          </ul>
        </Section>
      ))}
      <SaveBar
        settings={settings}
        draft={draft}
        faulty={faulty}
        onSaved={() => setDraft({})}
        onUndo={() => setDraft({})}
      />
    </>
  );
}
