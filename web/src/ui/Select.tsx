import { Select as Base } from '@base-ui/react/select';
import { Check, ChevronDown } from 'lucide-react';
import type { ReactNode } from 'react';
import { cn } from '~/lib/cn';
import { buttonClass } from './Button';
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
