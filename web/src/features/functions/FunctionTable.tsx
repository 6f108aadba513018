import { Link } from '@tanstack/react-router';
import { useVirtualizer } from '@tanstack/react-virtual';
import { memo, useRef } from 'react';
import { failureRate, formatRate } from '~/features/metrics/numbers';
import { cn } from '~/lib/cn';
import { MiniBars } from '~/ui/charts/MiniBars';
import { FunctionMenu } from './actions/FunctionMenu';
import type { FunctionState } from './function-state';
import { StateBadges } from './StateBadges';
import { TriggerPills } from './Triggers';

export interface ListedFunction extends FunctionState {
  /** By hours of the clock; the last of 24 is the present one. */
  recent: { ended: number[]; failed: number[]; endedTotal: number; failedTotal: number };
}

const ROW_HEIGHT = 40;
const HEAD = 'px-3 py-2 text-left font-medium';

interface FunctionTableProps {
  functions: readonly ListedFunction[];
  /** Whether these answer the question before the present one. */
  isOutdated: boolean;
}

/** Functions as rows that lead to their pages. Only the rows in sight are drawn. */
export function FunctionTable({ functions, isOutdated }: FunctionTableProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: functions.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 12,
  });
  const items = rows.getVirtualItems();
  const before = items[0]?.start ?? 0;
  const after = rows.getTotalSize() - (items.at(-1)?.end ?? 0);
  return (
    // biome-ignore lint/a11y/useSemanticElements: a scrolling region, not a section of the page
    <div
      ref={scroller}
      role="region"
      aria-label="Functions"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
      tabIndex={0}
      className={cn('min-h-0 flex-1 overflow-auto', isOutdated && 'opacity-60')}
    >
      <table
        className="w-full table-fixed border-collapse bg-surface"
        aria-rowcount={functions.length + 1}
      >
        <thead className="sticky top-0 z-10 bg-surface text-ink-soft text-xs shadow-[0_1px_0_var(--line)]">
          <tr>
            <th scope="col" className={cn(HEAD, 'pl-4 sm:pl-5')}>
              Function
            </th>
            <th scope="col" className={cn(HEAD, 'hidden w-[34%] lg:table-cell')}>
              Triggers
            </th>
            <th scope="col" className={cn(HEAD, 'hidden w-36 md:table-cell')}>
              App
            </th>
            <th scope="col" className={cn(HEAD, 'w-24 whitespace-nowrap sm:w-48')}>
              Runs, 24 h
            </th>
            <th scope="col" className={cn(HEAD, 'hidden w-24 text-right sm:table-cell')}>
              Failed
            </th>
            <th scope="col" className="w-12">
              <span className="sr-only">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {before > 0 && (
            <tr aria-hidden>
              <td colSpan={6} style={{ height: before }} />
            </tr>
          )}
          {items.map(({ index }) => {
            const fn = functions[index];
            return fn && <FunctionRow key={fn.id} fn={fn} rowIndex={index + 2} />;
          })}
          {after > 0 && (
            <tr aria-hidden>
              <td colSpan={6} style={{ height: after }} />
            </tr>
          )}
        </tbody>
      </table>
    </div>
  );
}

const FunctionRow = memo(function FunctionRow(props: { fn: ListedFunction; rowIndex: number }) {
  const { fn, rowIndex } = props;
  const { ended, failed, endedTotal, failedTotal } = fn.recent;
  const rate = failureRate(endedTotal, failedTotal);
  return (
    <tr aria-rowindex={rowIndex} className="relative h-10 border-line border-b hover:bg-hover">
      <td className="py-0 pr-3 pl-4 sm:pl-5">
        <div className="flex min-w-0 items-center gap-2">
          <Link
            to="/functions/$slug"
            params={{ slug: fn.slug }}
            title={fn.slug}
            className="truncate font-medium after:absolute after:inset-0"
          >
            {fn.name}
          </Link>
          <StateBadges fn={fn} />
        </div>
      </td>
      <td className="hidden px-3 lg:table-cell">
        <TriggerPills triggers={fn.triggers ?? []} />
      </td>
      <td className="hidden truncate px-3 text-ink-soft md:table-cell" title={fn.app.name}>
        {fn.app.name}
      </td>
      <td className="px-3">
        <div className="flex items-center gap-3">
          <span className="hidden sm:inline">
            <MiniBars
              label={`${endedTotal} runs ended, ${failedTotal} of them failed, in the last 24 hours`}
              stacks={ended.map((count, hour) => [
                { tone: 'good', count: count - (failed[hour] ?? 0) },
                { tone: 'bad', count: failed[hour] ?? 0 },
              ])}
            />
          </span>
          <span className={cn('tabular-nums', endedTotal === 0 && 'text-ink-faint')}>
            {endedTotal.toLocaleString()}
          </span>
        </div>
      </td>
      <td
        className={cn(
          'hidden px-3 text-right tabular-nums sm:table-cell',
          failedTotal > 0 ? 'text-bad-ink' : 'text-ink-faint',
        )}
      >
        {formatRate(rate)}
      </td>
      <td className="pr-3">
        <div className="relative z-1 flex justify-end">
          <FunctionMenu fn={fn} isInList />
        </div>
      </td>
    </tr>
  );
});
