import { Autocomplete } from '@base-ui/react/autocomplete';
import { Dialog } from '@base-ui/react/dialog';
import { useQuery } from '@tanstack/react-query';
import { type NavigateOptions, useNavigate } from '@tanstack/react-router';
import {
  Activity,
  AppWindow,
  ArrowRight,
  CornerDownLeft,
  LoaderCircle,
  Radio,
  Search,
  SquareFunction,
  Tags,
} from 'lucide-react';
import { type ReactNode, useDeferredValue, useState } from 'react';
import { graphql, type ResultOf } from '~/lib/graphql';
import { keyOf } from '~/lib/queries';
import { request } from '~/lib/request';
import { ITEM_CLASS } from '~/ui/Menu';
import type { Command } from './commands';

const QuickSearchQuery = graphql(`
  query QuickSearch($text: String!) {
    quickSearch(text: $text) { kind id name }
    eventTypes(first: 6, search: $text) { name }
  }
`);

interface Entry extends Command {
  key: string;
  /** Beside the title: the id, when it is not the title. */
  remark?: string;
}
interface Section {
  value: string;
  items: Entry[];
}

type Found = ResultOf<typeof QuickSearchQuery>;
type Kind = Found['quickSearch'][number]['kind'];

const KINDS: Record<Kind, { title: string; icon: ReactNode; to: (id: string) => NavigateOptions }> =
  {
    FUNCTION: {
      title: 'Functions',
      icon: <SquareFunction />,
      to: (slug) => ({ to: '/functions/$slug', params: { slug } }),
    },
    APP: {
      title: 'Apps',
      icon: <AppWindow />,
      to: (appId) => ({ to: '/apps/$appId', params: { appId } }),
    },
    RUN: {
      title: 'Runs',
      icon: <Activity />,
      to: (runId) => ({ to: '/runs/$runId', params: { runId } }),
    },
    EVENT: {
      title: 'Events',
      icon: <Radio />,
      to: (eventId) => ({ to: '/events/$eventId', params: { eventId } }),
    },
  };

interface PaletteProps {
  commands: readonly Command[];
  onClose: () => void;
}

/** Finds functions and apps by name, runs and events by id, and pages and actions by their words. */
export default function Palette({ commands, onClose }: PaletteProps) {
  return (
    <Dialog.Root open onOpenChange={(isOpen) => !isOpen && onClose()}>
      <Dialog.Portal>
        <Dialog.Backdrop className="fixed inset-0 z-40 bg-black/40 dark:bg-black/60" />
        <Dialog.Popup
          aria-label="Search"
          className="fixed top-[12vh] left-1/2 z-50 flex max-h-[70dvh] w-[calc(100vw-2rem)] max-w-xl -translate-x-1/2 flex-col overflow-hidden rounded-xl border border-line bg-raised shadow-float outline-none"
        >
          <Finder commands={commands} onClose={onClose} />
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function Finder({ commands, onClose }: PaletteProps) {
  const navigate = useNavigate();
  const [text, setText] = useState('');
  const asked = useDeferredValue(text.trim());
  const found = useQuery({
    queryKey: keyOf(QuickSearchQuery, { text: asked }),
    queryFn: ({ signal }) => request(QuickSearchQuery, { text: asked }, signal),
    enabled: asked.length > 0,
    placeholderData: (previous) => previous,
  });
  const open = (options: NavigateOptions) => {
    onClose();
    void navigate(options);
  };
  const sections = asked && found.data ? sectionsOf(found.data, open) : [];
  const fitting = commands.filter((command) => fits(command, text));
  if (fitting.length > 0) {
    const items = fitting.map((command) => ({
      icon: <ArrowRight />,
      ...command,
      key: command.title,
      action: () => {
        onClose();
        command.action();
      },
    }));
    sections.push({ value: 'Go to and do', items });
  }
  return (
    <Autocomplete.Root
      open
      inline
      items={sections}
      value={text}
      onValueChange={setText}
      itemToStringValue={(entry: Entry) => entry.title}
      filter={null}
      autoHighlight="always"
      keepHighlight
    >
      <div className="flex items-center gap-3 border-line border-b px-4">
        {found.isFetching ? (
          <LoaderCircle className="size-4 animate-spin text-ink-faint" aria-hidden />
        ) : (
          <Search className="size-4 text-ink-faint" aria-hidden />
        )}
        <Autocomplete.Input
          aria-label="Search"
          placeholder="Name of a function or app, id of a run or event, page…"
          className="h-12 min-w-0 flex-1 bg-transparent outline-none placeholder:text-ink-faint"
        />
        <kbd className="rounded border border-line px-1.5 text-ink-faint text-xs">esc</kbd>
      </div>
      {found.isError && <p className="px-4 pt-3 text-bad-ink">{found.error.message}</p>}
      <Autocomplete.Empty className="text-center text-ink-soft [&:not(:empty)]:p-6">
        Nothing is called that, and there is no run or event with that id.
      </Autocomplete.Empty>
      <Autocomplete.List className="min-h-0 flex-1 overflow-y-auto p-2 [&:empty]:p-0">
        {(section: Section) => (
          <Autocomplete.Group key={section.value} items={section.items} className="pb-1">
            <Autocomplete.GroupLabel className="px-2 py-1 text-ink-faint text-xs">
              {section.value}
            </Autocomplete.GroupLabel>
            <Autocomplete.Collection>
              {(entry: Entry) => (
                <Autocomplete.Item
                  key={entry.key}
                  value={entry}
                  onClick={entry.action}
                  className={`${ITEM_CLASS} group`}
                >
                  <span className="text-ink-faint">{entry.icon}</span>
                  <span className="min-w-0 flex-1 truncate">{entry.title}</span>
                  {entry.remark && (
                    <code className="max-w-64 truncate font-mono text-ink-faint text-xs">
                      {entry.remark}
                    </code>
                  )}
                  <CornerDownLeft
                    className="text-ink-faint opacity-0 group-data-highlighted:opacity-100"
                    aria-hidden
                  />
                </Autocomplete.Item>
              )}
            </Autocomplete.Collection>
          </Autocomplete.Group>
        )}
      </Autocomplete.List>
    </Autocomplete.Root>
  );
}

/** What was found, by kind; runs and events first, because only a whole id finds them. */
function sectionsOf(found: Found, open: (options: NavigateOptions) => void): Section[] {
  const sections = (['RUN', 'EVENT', 'FUNCTION', 'APP'] as const).map((kind) => {
    const { title, icon, to } = KINDS[kind];
    const items = found.quickSearch
      .filter((hit) => hit.kind === kind)
      .map(({ id, name }) => ({
        key: `${kind}:${id}`,
        title: name || id,
        icon,
        ...(name && name !== id ? { remark: id } : {}),
        action: () => open(to(id)),
      }));
    return { value: title, items };
  });
  const names = found.eventTypes.map(({ name }) => ({
    key: `name:${name}`,
    title: name,
    icon: <Tags />,
    action: () => open({ to: '/events', search: { filterEvent: [name] } }),
  }));
  return [...sections, { value: 'Event types', items: names }].filter(
    ({ items }) => items.length > 0,
  );
}

/** Whether every word that was typed is in the command's title or words. */
function fits({ title, words = '' }: Command, text: string): boolean {
  const all = `${title} ${words}`.toLowerCase();
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => all.includes(word));
}
