import type { ReactNode } from 'react';
import { percentileOverall } from '~/features/metrics/latency';
import {
  failureRate,
  formatRate,
  lastOf,
  latenciesOf,
  type Numbers,
  totalOf,
} from '~/features/metrics/numbers';
import { cn } from '~/lib/cn';
import { formatDurationShort } from '~/lib/duration';

/** The few numbers that say most. */
export function Headline({ numbers }: { numbers: Numbers }) {
  const failed = totalOf(numbers, 'runs_failed');
  const ended = totalOf(numbers, 'runs_completed', 'runs_failed', 'runs_cancelled');
  const slow = percentileOverall(latenciesOf(numbers, 'call_duration'), 0.95);
  return (
    <dl className="flex flex-wrap gap-x-8 gap-y-2">
      <Figure name="Runs ended">{ended.toLocaleString()}</Figure>
      <Figure name="Failed" isBad={failed > 0}>
        {failed.toLocaleString()}
      </Figure>
      <Figure name="Failure rate" isBad={failed > 0}>
        {formatRate(failureRate(ended, failed))}
      </Figure>
      <Figure name="95% of requests within">
        {Number.isNaN(slow) ? '–' : formatDurationShort(slow)}
      </Figure>
      <Figure name="Running at the end">{lastOf(numbers, 'running').toLocaleString()}</Figure>
    </dl>
  );
}

function Figure(props: { name: string; isBad?: boolean; children: ReactNode }) {
  return (
    <div>
      <dt className="text-ink-faint text-xs">{props.name}</dt>
      <dd
        className={cn(
          'font-semibold text-lg leading-6 tabular-nums',
          props.isBad && 'text-bad-ink',
        )}
      >
        {props.children}
      </dd>
    </div>
  );
}
