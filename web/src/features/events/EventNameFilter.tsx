import { Combobox } from '@base-ui/react/combobox';
import { ChevronDown } from 'lucide-react';
import { useDeferredValue, useState } from 'react';
import { cn } from '~/lib/cn';
import { graphql } from '~/lib/graphql';
import { useLiveQuery } from '~/lib/queries';
import { buttonClass } from '~/ui/Button';
import { ChooserPopup } from '~/ui/ChooserPopup';
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
      <ChooserPopup<string>
        label="Event"
        placeholder="Name of the event"
        empty="No event has come yet. Type a name to wait for it."
        remark={error && <p className="p-2 text-bad-ink text-xs">{error.message}</p>}
        keyOf={(name) => name}
        render={(name) => (
          <>
            <span className="min-w-0 truncate" title={name}>
              {name}
            </span>
            {isTypedOnly(name) && <span className="shrink-0 text-ink-faint text-xs">as typed</span>}
          </>
        )}
        onClear={chosen.length > 0 ? () => setDraft([]) : undefined}
      />
    </Combobox.Root>
  );
}
