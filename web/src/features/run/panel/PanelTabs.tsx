import { type Tab, Tabs } from '~/ui/Tabs';

/** Tabs of a panel, only those that have something to show. */
export type PanelTab = Tab<string>;

interface PanelTabsProps {
  label: string;
  tabs: PanelTab[];
  /** What was chosen last, for any row; it is kept for rows that have it. */
  chosen: string | undefined;
  /** What is shown where nothing that exists was chosen, the first that exists. */
  preferred: string[];
  onChoose: (tab: string) => void;
}

export function PanelTabs({ label, tabs, chosen, preferred, onChoose }: PanelTabsProps) {
  if (tabs.length === 0) return null;
  const value = shownTab(
    tabs.map((tab) => tab.value),
    chosen,
    preferred,
  );
  return <Tabs label={label} value={value} onChange={onChoose} tabs={tabs} />;
}

/** The tab that is shown: the reader's choice as long as it exists, whatever arrives meanwhile. */
export function shownTab(
  existing: readonly string[],
  chosen: string | undefined,
  preferred: readonly string[],
): string {
  if (chosen !== undefined && existing.includes(chosen)) return chosen;
  return preferred.find((tab) => existing.includes(tab)) ?? existing[0] ?? '';
}
