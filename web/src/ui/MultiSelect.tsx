import { ChevronDown } from 'lucide-react';
import { lazy, type ReactNode } from 'react';
import { cn } from '~/lib/cn';
import { buttonClass } from './Button';
import { OnDemand } from './OnDemand';
import type { Option } from './Select';

export interface MultiSelectProps<Value extends string> {
  label: string;
  values: readonly Value[];
  options: readonly Option<Value>[];
  onChange: (values: Value[]) => void;
  /** What the button says of the choice; the default is names or their number. */
  summary?: (chosen: readonly Option<Value>[]) => ReactNode;
}

const load = () => import('./MultiSelectView');
const MultiSelectView = lazy(load) as typeof import('./MultiSelectView').default;

export const MULTI_SELECT_BUTTON = cn(buttonClass(), 'font-normal');

/**
 * Any number of many, found by typing. Nothing chosen is everything. What is chosen holds once the
 * list is closed, so that a list below is not asked for at every click.
 */
export function MultiSelect<Value extends string>(props: MultiSelectProps<Value>) {
  const chosen = props.options.filter((option) => props.values.includes(option.value));
  const trigger = (
    <button
      type="button"
      aria-label={`${props.label} ${summaryOf(chosen)}`}
      className={MULTI_SELECT_BUTTON}
    >
      <MultiSelectSummary {...props} chosen={chosen} />
    </button>
  );
  return (
    <OnDemand trigger={trigger} opens="listbox" load={load}>
      <MultiSelectView {...props} />
    </OnDemand>
  );
}

/** The words on the button. */
export function MultiSelectSummary<Value extends string>(props: {
  label: string;
  chosen: readonly Option<Value>[];
  summary?: ((chosen: readonly Option<Value>[]) => ReactNode) | undefined;
}) {
  return (
    <>
      <span className="text-ink-soft">{props.label}</span>
      <span className="max-w-48 truncate font-medium">
        {(props.summary ?? summaryOf)(props.chosen)}
      </span>
      <ChevronDown className="text-ink-faint" aria-hidden />
    </>
  );
}

export function summaryOf(chosen: readonly Option<string>[]): string {
  if (chosen.length === 0) return 'All';
  if (chosen.length === 1) return chosen[0]?.title ?? '';
  return String(chosen.length);
}
