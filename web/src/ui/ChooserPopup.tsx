import { Combobox } from '@base-ui/react/combobox';
import { Check } from 'lucide-react';
import type { ReactNode } from 'react';
import { cn } from '~/lib/cn';
import { INPUT_CLASS } from './Field';
import { ITEM_CLASS, POPUP_CLASS } from './Menu';

interface ChooserPopupProps<Item> {
  label: string;
  /** What the field to find something says. */
  placeholder: string;
  /** What is said if nothing is found. */
  empty: string;
  /** Above the list: why it could not be loaded. */
  remark?: ReactNode;
  keyOf: (item: Item) => string;
  /** The words of one choice. */
  render: (item: Item) => ReactNode;
  /** Takes everything back; left out while nothing is chosen. */
  onClear?: (() => void) | undefined;
}

/** What a chooser of many opens: a field to find something, and a list with boxes to tick. */
export function ChooserPopup<Item>(props: ChooserPopupProps<Item>) {
  return (
    <Combobox.Portal>
      <Combobox.Positioner sideOffset={4} align="start" className="z-50">
        <Combobox.Popup
          aria-label={props.label}
          className={cn(POPUP_CLASS, 'flex max-h-96 w-80 max-w-[calc(100vw-2rem)] flex-col')}
        >
          <Combobox.Input
            placeholder={props.placeholder}
            aria-label={`Find in ${props.label}`}
            className={cn(INPUT_CLASS, 'mb-1')}
          />
          {props.remark}
          <Combobox.Empty className="text-ink-soft [&:not(:empty)]:p-2">
            {props.empty}
          </Combobox.Empty>
          <Combobox.List className="min-h-0 flex-1 overflow-y-auto">
            {(item: Item) => (
              <Combobox.Item key={props.keyOf(item)} value={item} className={ITEM_CLASS}>
                <span className="flex size-4 shrink-0 items-center justify-center rounded border border-line-strong">
                  <Combobox.ItemIndicator>
                    <Check className="size-3.5" aria-hidden />
                  </Combobox.ItemIndicator>
                </span>
                {props.render(item)}
              </Combobox.Item>
            )}
          </Combobox.List>
          {props.onClear && (
            <button
              type="button"
              className="mt-1 rounded-md p-1.5 text-accent hover:bg-hover"
              onClick={props.onClear}
            >
              Clear the choice
            </button>
          )}
        </Combobox.Popup>
      </Combobox.Positioner>
    </Combobox.Portal>
  );
}
