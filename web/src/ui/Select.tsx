import { Combobox } from '@base-ui/react/combobox';
import { Select as Base } from '@base-ui/react/select';
import { Check, ChevronDown } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { cn } from '~/lib/cn';
import { buttonClass } from './Button';
import { INPUT_CLASS } from './Field';
import { ITEM_CLASS, POPUP_CLASS } from './Menu';

export interface Option<Value extends string> {
  value: Value;
  title: string;
  /** Before the title: a dot, an icon. */
  mark?: ReactNode;
}

/** One of a few. */
export function Select<Value extends string>(props: {
  label: string;
  value: Value;
  options: readonly Option<Value>[];
  onChange: (value: Value) => void;
  className?: string;
}) {
  return (
    <Base.Root
      items={props.options.map(({ value, title }) => ({ value, label: title }))}
      value={props.value}
      onValueChange={(value) => value !== null && props.onChange(value as Value)}
    >
      <Base.Trigger
        aria-label={props.label}
        className={cn(buttonClass(), 'font-normal', props.className)}
      >
        <Base.Value />
        <ChevronDown className="text-ink-faint" aria-hidden />
      </Base.Trigger>
      <Base.Portal>
        <Base.Positioner sideOffset={4} alignItemWithTrigger={false} className="z-50">
          <Base.Popup className={POPUP_CLASS}>
            {props.options.map((option) => (
              <Base.Item key={option.value} value={option.value} className={ITEM_CLASS}>
                <span className="flex size-4 items-center justify-center">
                  <Base.ItemIndicator>
                    <Check className="size-4" aria-hidden />
                  </Base.ItemIndicator>
                </span>
                {option.mark}
                <Base.ItemText>{option.title}</Base.ItemText>
              </Base.Item>
            ))}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}

/**
 * Any number of many, found by typing. Nothing chosen is everything. What is chosen holds once the
 * list is closed, so that a list below is not asked for at every click.
 */
export function MultiSelect<Value extends string>(props: {
  label: string;
  values: readonly Value[];
  options: readonly Option<Value>[];
  onChange: (values: Value[]) => void;
  /** What the button says of the choice; the default is names or their number. */
  summary?: (chosen: readonly Option<Value>[]) => ReactNode;
}) {
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
      items={options}
      value={chosen}
      onValueChange={setDraft}
      itemToStringLabel={(option: Option<Value>) => option.title}
      isItemEqualToValue={(a: Option<Value>, b: Option<Value>) => a.value === b.value}
      onOpenChange={(isOpen) => !isOpen && finish()}
    >
      <Combobox.Trigger className={cn(buttonClass(), 'font-normal')}>
        <span className="text-ink-soft">{label}</span>
        <span className="max-w-48 truncate font-medium">
          {(props.summary ?? summaryOf)(chosen)}
        </span>
        <ChevronDown className="text-ink-faint" aria-hidden />
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

function summaryOf(chosen: readonly Option<string>[]): string {
  if (chosen.length === 0) return 'All';
  if (chosen.length === 1) return chosen[0]?.title ?? '';
  return String(chosen.length);
}
