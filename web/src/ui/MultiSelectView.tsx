import { Combobox } from '@base-ui/react/combobox';
import { useState } from 'react';
import { ChooserPopup } from './ChooserPopup';
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
      <ChooserPopup<Option<Value>>
        label={label}
        placeholder="Find…"
        empty="Nothing of that name."
        keyOf={(option) => option.value}
        render={(option) => (
          <>
            {option.mark}
            <span className="min-w-0 truncate" title={option.title}>
              {option.title}
            </span>
          </>
        )}
        onClear={chosen.length > 0 ? () => setDraft([]) : undefined}
      />
    </Combobox.Root>
  );
}
