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
/** From here on a remark is set at the right edge: there is more room to its left. */
const MIDDLE_PERCENT = 50;

interface RowBarProps {
  node: TraceNode;
  window: Bounds;
  nowMs: number;
}

/** The bar of a row: what it waited for its turn in grey, what it did in the colour of its status. */
export function RowBar({ node, window, nowMs }: RowBarProps) {
  const bars = barsOf(node.segments, window, nowMs);
  const [first] = bars;
  const remark = first ? remarkOf(node, nowMs) : null;
  return (
    <>
      {bars.map((bar, index) => (
        <BarPart
          key={`${bar.segment.kind}${bar.segment.fromMs}`}
          bar={bar}
          isFirst={index === 0}
          isLast={index === bars.length - 1}
          className={remark === null ? `top-1/2 ${heightOf(node, bar.segment)}` : 'top-[80%] h-1'}
        />
      ))}
      {first && remark !== null && (
        <span
          title={remark}
          className="absolute top-0.5 max-w-full truncate text-ink-soft text-xs"
          style={
            first.leftPercent > MIDDLE_PERCENT ? { right: 0 } : { left: `${first.leftPercent}%` }
          }
        >
          {remark}
        </span>
      )}
    </>
  );
}

function heightOf(node: TraceNode, segment: Segment): string {
  return node.kind === 'run' && segment.kind === 'work' ? 'h-1.5' : HEIGHTS[segment.kind];
}

function BarPart(props: { bar: Bar; isFirst: boolean; isLast: boolean; className: string }) {
  const { bar } = props;
  const { kind, tone, toMs } = bar.segment;
  const colours: Record<Segment['kind'], string> = {
    pause: 'bg-line-strong',
    queue: 'bg-calm-solid',
    work: TONE_SOLID[tone],
    wait: `${TONE_SOLID[tone]} mask-[repeating-linear-gradient(90deg,#000_0_4px,#0006_4px_7px)]`,
  };
  return (
    <span
      className={cn(
        'absolute -translate-y-1/2',
        kind !== 'pause' && kind !== 'queue' && 'min-w-0.5',
        colours[kind],
        props.isFirst && !bar.isCutLeft && 'rounded-l-xs',
        props.isLast && !bar.isCutRight && toMs !== null && 'rounded-r-xs',
        props.className,
      )}
      // What is too short to be seen is drawn two pixels wide, at the right edge as well.
      style={{ left: `min(${bar.leftPercent}%, 100% - 2px)`, width: `${bar.widthPercent}%` }}
    />
  );
}
