import { cn } from '~/lib/cn';
import { TONE_SOLID } from '~/ui/Status';
import { remarkOf } from '../waits';
import { type Bar, barsOf } from './bars';
import type { Bounds, Segment, TraceNode } from './node';

const HEIGHTS: Record<Segment['kind'], string> = {
  pause: 'h-px',
  queue: 'h-1',
  work: 'h-3.5',
  wait: 'h-2.5',
};

/** The bar of a row: what it waited for its turn in grey, what it did in the colour of its status. */
export function RowBar(props: { node: TraceNode; window: Bounds; nowMs: number }) {
  const { node, window, nowMs } = props;
  const bars = barsOf(node.segments, window, nowMs);
  const remark = remarkOf(node, nowMs);
  const left = bars[0]?.leftPercent ?? 0;
  return (
    <>
      {bars.map((bar) => (
        <BarPart
          key={`${bar.segment.kind}${bar.segment.fromMs}`}
          bar={bar}
          isRoot={node.kind === 'run'}
        />
      ))}
      {remark && bars.length > 0 && (
        <span
          className={cn(
            'pointer-events-none absolute top-1/2 max-w-[55%] -translate-y-1/2 truncate rounded-sm bg-surface px-1 text-ink-soft text-xs group-aria-selected:bg-accent-soft',
            left > 55 && 'pr-2',
          )}
          style={left > 55 ? { right: `${100 - left}%` } : { left: `calc(${left}% + 0.5rem)` }}
        >
          {remark}
        </span>
      )}
    </>
  );
}

function BarPart({ bar, isRoot }: { bar: Bar; isRoot: boolean }) {
  const { kind, tone, toMs } = bar.segment;
  const isQuiet = kind === 'pause' || kind === 'queue';
  return (
    <span
      className={cn(
        'absolute top-1/2 min-w-0.5 -translate-y-1/2',
        isRoot && kind === 'work' ? 'h-1.5' : HEIGHTS[kind],
        isQuiet ? (kind === 'pause' ? 'bg-line-strong' : 'bg-calm-solid') : TONE_SOLID[tone],
        kind === 'wait' && 'mask-[repeating-linear-gradient(90deg,#000_0_4px,#0006_4px_7px)]',
        !bar.isCutLeft && 'rounded-l-xs',
        !bar.isCutRight && toMs !== null && 'rounded-r-xs',
      )}
      style={{ left: `${bar.leftPercent}%`, width: `${bar.widthPercent}%` }}
    />
  );
}
