import { useState } from 'react';
import { cn } from '~/lib/cn';
import { durationInWords, durationMs } from '~/lib/duration';
import { Popover } from '~/ui/Popover';
import { AbsoluteRange, FreeDuration } from './RangeForms';
import { TimeRangeButton, type TimeRangePickerProps } from './TimeRangePicker';
import { PRESETS, type TimeRange } from './time-range';

/** The picker of a time range once somebody wants to choose one; open at first. */
export default function TimeRangePopover(props: TimeRangePickerProps) {
  const { range, onChange, minimumMs = 0 } = props;
  const [isOpen, setOpen] = useState(true);
  const choose = (next: TimeRange) => {
    setOpen(false);
    onChange(next);
  };
  return (
    <Popover
      label="Time range"
      isOpen={isOpen}
      onOpenChange={setOpen}
      className="flex w-[34rem] flex-col sm:flex-row"
      trigger={<TimeRangeButton range={range} />}
    >
      <ul className="grid shrink-0 grid-cols-2 gap-0.5 border-line p-2 max-sm:border-b sm:w-40 sm:grid-cols-1 sm:border-r">
        {PRESETS.filter((preset) => durationMs(preset) >= minimumMs).map((preset) => {
          const isChosen = range.kind === 'last' && range.duration === preset;
          return (
            <li key={preset}>
              <button
                type="button"
                aria-pressed={isChosen}
                onClick={() => choose({ kind: 'last', duration: preset })}
                className={cn(
                  'h-7 w-full rounded-md px-2 text-left hover:bg-hover',
                  isChosen && 'bg-accent-soft font-medium',
                )}
              >
                {durationInWords(preset)}
              </button>
            </li>
          );
        })}
      </ul>
      <div className="flex min-w-0 flex-1 flex-col gap-4 p-4">
        <FreeDuration range={range} minimumMs={minimumMs} onChoose={choose} />
        <AbsoluteRange range={range} minimumMs={minimumMs} onChoose={choose} />
      </div>
    </Popover>
  );
}
