import { ChevronDown, Clock } from 'lucide-react';
import { useState } from 'react';
import { cn } from '~/lib/cn';
import { durationInWords, durationMs } from '~/lib/duration';
import { Button } from '~/ui/Button';
import { Popover } from '~/ui/Popover';
import { AbsoluteRange, FreeDuration } from './RangeForms';
import { PRESETS, rangeInWords, type TimeRange } from './time-range';

interface TimeRangePickerProps {
  range: TimeRange;
  onChange: (range: TimeRange) => void;
  /** The shortest range that makes sense on the page; shorter ones are not offered. */
  minimumMs?: number;
}

/** Chooses a stretch of time: a preset, any length until now, or a beginning and an end. */
export function TimeRangePicker({ range, onChange, minimumMs = 0 }: TimeRangePickerProps) {
  const [isOpen, setOpen] = useState(false);
  const words = rangeInWords(range);
  const choose = (next: TimeRange) => {
    setOpen(false);
    onChange(next);
  };
  const presets = PRESETS.filter((preset) => durationMs(preset) >= minimumMs);
  return (
    <Popover
      label="Time range"
      isOpen={isOpen}
      onOpenChange={setOpen}
      className="flex w-[34rem] flex-col sm:flex-row"
      trigger={
        <Button className="max-w-full font-normal" icon={<Clock className="text-ink-faint" />}>
          <span className="sr-only">Time range: </span>
          <span className="truncate tabular-nums">{words}</span>
          <ChevronDown className="text-ink-faint" aria-hidden />
        </Button>
      }
    >
      <ul className="grid shrink-0 grid-cols-2 gap-0.5 border-line p-2 max-sm:border-b sm:w-40 sm:grid-cols-1 sm:border-r">
        {presets.map((preset) => {
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
