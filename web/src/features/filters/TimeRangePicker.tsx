import { ChevronDown, Clock } from 'lucide-react';
import { type ComponentProps, lazy } from 'react';
import { cn } from '~/lib/cn';
import { Button } from '~/ui/Button';
import { OnDemand } from '~/ui/OnDemand';
import { rangeInWords, type TimeRange } from './time-range';

export interface TimeRangePickerProps {
  range: TimeRange;
  onChange: (range: TimeRange) => void;
  /** The shortest range that makes sense on the page; shorter ones are not offered. */
  minimumMs?: number;
}

const load = () => import('./TimeRangePopover');
const TimeRangePopover = lazy(load);

/** Chooses a stretch of time: a preset, any length until now, or a beginning and an end. */
export function TimeRangePicker(props: TimeRangePickerProps) {
  return (
    <OnDemand trigger={<TimeRangeButton range={props.range} />} opens="dialog" load={load}>
      <TimeRangePopover {...props} />
    </OnDemand>
  );
}

/** The button of the picker; it says what is chosen. */
export function TimeRangeButton(props: { range: TimeRange } & ComponentProps<'button'>) {
  const { range, className, ...rest } = props;
  return (
    <Button
      {...rest}
      className={cn('max-w-full font-normal', className)}
      icon={<Clock className="text-ink-faint" aria-hidden />}
    >
      <span className="sr-only">Time range: </span>
      <span className="truncate tabular-nums">{rangeInWords(range)}</span>
      <ChevronDown className="text-ink-faint" aria-hidden />
    </Button>
  );
}
