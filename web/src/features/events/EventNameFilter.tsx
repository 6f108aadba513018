import { Combobox } from '@base-ui/react/combobox';
import { Check, ChevronDown } from 'lucide-react';
import { useDeferredValue, useState } from 'react';
import { cn } from '~/lib/cn';
import { graphql } from '~/lib/graphql';
import { useLiveQuery } from '~/lib/queries';
import { buttonClass } from '~/ui/Button';
import { INPUT_CLASS } from '~/ui/Field';
import { ITEM_CLASS, POPUP_CLASS } from '~/ui/Menu';
import { nameOptions } from './name-options';

const EventNamesQuery = graphql(`
  query EventNames($search: String) { eventTypes(first: 100, search: $search) { name } }
`);

interface EventNameFilterProps {
  /** Exact names; none are all. */
  values: readonly string[];
  onChange: (names: string[]) => void;
}

/**
 * Limits a list to events of some names: of those that came, or any other that is typed. What is
 * chosen holds once the list is closed.
 */
export function EventNameFilter({ values, onChange }: EventNameFilterProps) {
  const [draft, setDraft] = useState<string[] | null>(null);
  const [typed, setTyped] = useState('');
  const [isOpen, setOpen] = useState(false);
  const search = useDeferredValue(typed.trim());
  const { data, error } = useLiveQuery(
    EventNamesQuery,
    { search: search || null },
    { isEnabled: isOpen, keepsPrevious: true },
  );
  const chosen = draft ?? [...values];
  const known = data?.eventTypes.map(({ name }) => name) ?? [];
  const options = nameOptions(known, chosen, typed);
  const isTypedOnly = (name: string) =>
    name === typed.trim() && !known.includes(name) && !chosen.includes(name);
  const open = (isOpen: boolean) => {
    setOpen(isOpen);
    if (isOpen) return;
    if (draft !== null) onChange(draft);
    setDraft(null);
    setTyped('');
  };
  return (
    <Combobox.Root
      multiple
      items={options}
      filter={null}
      value={chosen}
      onValueChange={setDraft}
      inputValue={typed}
      onInputValueChange={setTyped}
      onOpenChange={open}
    >
      <Combobox.Trigger
        aria-label={`Event: ${chosen.length === 0 ? 'All' : chosen.join(', ')}`}
        className={cn(buttonClass(), 'font-normal')}
      >
        <span className="text-ink-soft">Event</span>
        <span className="max-w-48 truncate font-medium" title={chosen.join('\n')}>
          {chosen.length === 0 ? 'All' : chosen.length === 1 ? chosen[0] : chosen.length}
        </span>
        <ChevronDown className="text-ink-faint" aria-hidden />
      </Combobox.Trigger>
      <Combobox.Portal>
        <Combobox.Positioner sideOffset={4} align="start" className="z-50">
          <Combobox.Popup
            aria-label="Event"
            className={cn(POPUP_CLASS, 'flex max-h-96 w-80 max-w-[calc(100vw-2rem)] flex-col')}
          >
            <Combobox.Input
              placeholder="Name of the event"
              aria-label="Name of the event"
              className={cn(INPUT_CLASS, 'mb-1')}
            />
            {error && <p className="p-2 text-bad-ink text-xs">{error.message}</p>}
            <Combobox.Empty className="text-ink-soft [&:not(:empty)]:p-2">
              No event has come yet. Type a name to wait for it.
            </Combobox.Empty>
            <Combobox.List className="min-h-0 flex-1 overflow-y-auto">
              {(name: string) => (
                <Combobox.Item key={name} value={name} className={ITEM_CLASS}>
                  <span className="flex size-4 shrink-0 items-center justify-center rounded border border-line-strong">
                    <Combobox.ItemIndicator>
                      <Check className="size-3.5" aria-hidden />
                    </Combobox.ItemIndicator>
                  </span>
                  <span className="min-w-0 truncate" title={name}>
                    {name}
                  </span>
                  {isTypedOnly(name) && (
                    <span className="shrink-0 text-ink-faint text-xs">as typed</span>
                  )}
                </Combobox.Item>
              )}
            </Combobox.List>
            {chosen.length > 0 && (
              <button
                type="button"
                className="mt-1 rounded-md p-1.5 text-accent hover:bg-hover"
                onClick={() => setDraft([])}
              >
                Clear the choice
              </button>
            )}
          </Combobox.Popup>
        </Combobox.Positioner>
      </Combobox.Portal>
    </Combobox.Root>
  );
}
