import { Combobox } from '@base-ui/react/combobox';
import { Check } from 'lucide-react';
import { useState } from 'react';
import { cn } from '~/lib/cn';
import { INPUT_CLASS } from './Field';
import { ITEM_CLASS, POPUP_CLASS } from './Menu';
import {
  MULTI_SELECT_BUTTON,
  type MultiSelectProps,
  MultiSelectSummary,
  summaryOf,
} from './MultiSelect';
import type { Option } from './Select';

/** `MultiSelect` once it is wanted: it opens as soon as it is there. */
export default function MultiSelectView<Value extends string>(props: MultiSelectProps<Value>) {
  const { label, options } = props;
  const [draft, setDraft] = useState<Option<Value>[] | null>(null);
  const held = options.filter((option) => props.values.includes(option.value));
  const chosen = draft ?? held;
  const finish = () => {
    if (draft !== null) props.onChange(draft.map((option) => option.value));
    setDraft(null);
  };
  return (
    <Combobox.Root
      multiple
      defaultOpen
      autoHighlight
      items={options}
      value={chosen}
      onValueChange={setDraft}
      itemToStringLabel={(option: Option<Value>) => option.title}
      isItemEqualToValue={(a: Option<Value>, b: Option<Value>) => a.value === b.value}
      onOpenChange={(isOpen) => !isOpen && finish()}
    >
      {/* A combobox is not named by what it contains. */}
      <Combobox.Trigger
        aria-label={`${label} ${summaryOf(chosen)}`}
        className={MULTI_SELECT_BUTTON}
      >
        <MultiSelectSummary {...props} chosen={chosen} />
      </Combobox.Trigger>
      <Combobox.Portal>
        <Combobox.Positioner sideOffset={4} align="start" className="z-50">
          <Combobox.Popup
            aria-label={label}
            className={cn(POPUP_CLASS, 'flex max-h-96 w-72 flex-col')}
          >
            <Combobox.Input
              placeholder="Find…"
              aria-label={`Find in ${label}`}
              className={cn(INPUT_CLASS, 'mb-1')}
            />
            <Combobox.Empty className="text-ink-soft [&:not(:empty)]:p-2">
              Nothing of that name.
            </Combobox.Empty>
            <Combobox.List className="min-h-0 flex-1 overflow-y-auto">
              {(option: Option<Value>) => (
                <Combobox.Item key={option.value} value={option} className={ITEM_CLASS}>
                  <span className="flex size-4 shrink-0 items-center justify-center rounded border border-line-strong">
                    <Combobox.ItemIndicator>
                      <Check className="size-3.5" aria-hidden />
                    </Combobox.ItemIndicator>
                  </span>
                  {option.mark}
                  <span className="min-w-0 truncate" title={option.title}>
                    {option.title}
                  </span>
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
