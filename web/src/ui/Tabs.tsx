import { Tabs as Base } from '@base-ui/react/tabs';
import type { ReactNode } from 'react';

export interface Tab<Value extends string> {
  value: Value;
  title: ReactNode;
  content: ReactNode;
}

const TAB =
  '-mb-px h-9 shrink-0 border-transparent border-b-2 px-1 text-ink-soft hover:text-ink data-active:border-accent data-active:font-medium data-active:text-ink';

/** The look of a tab, for tabs that are links to pages. */
export const tabLinkClass = `${TAB} inline-flex items-center`;

/** Tabs within a page. Which one is chosen is the owner's business. */
export function Tabs<Value extends string>(props: {
  value: Value;
  onChange: (value: Value) => void;
  tabs: Tab<Value>[];
  label: string;
}) {
  return (
    <Base.Root
      value={props.value}
      onValueChange={(value) => props.onChange(value as Value)}
      className="flex min-h-0 flex-col"
    >
      <Base.List
        aria-label={props.label}
        className="flex shrink-0 gap-4 overflow-x-auto border-line border-b px-4"
      >
        {props.tabs.map((tab) => (
          <Base.Tab key={tab.value} value={tab.value} className={TAB}>
            {tab.title}
          </Base.Tab>
        ))}
      </Base.List>
      {props.tabs.map((tab) => (
        <Base.Panel key={tab.value} value={tab.value} className="min-h-0 flex-1">
          {tab.content}
        </Base.Panel>
      ))}
    </Base.Root>
  );
}
