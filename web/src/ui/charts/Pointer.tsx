import { type KeyboardEvent, type PointerEvent, useId } from 'react';
import { cn } from '~/lib/cn';
import { bucketLabel } from './axes';
import { bucketAt, type Crosshair, usePointed } from './crosshair';
import { type Frame, PLOT_HEIGHT } from './frame';
import type { DrawnSeries } from './Plot';

interface PointerProps {
  title: string;
  crosshair: Crosshair;
  frame: Frame;
  firstMs: number;
  bucketMs: number;
  count: number;
  series: readonly DrawnSeries[];
  format: (value: number) => string;
  /** Whether values add up to something. */
  hasSum: boolean;
  /** A remark for some buckets. */
  shaded: { title: string; isShaded: readonly boolean[] } | undefined;
}

/** The line under the pointer, the values there, and the keys that move it. */
export function Pointer(props: PointerProps) {
  const { title, crosshair, frame, firstMs, bucketMs, count, series, format } = props;
  const chart = useId();
  const pointed = usePointed(crosshair, chart);
  const index = pointed && bucketAt(pointed.ms, firstMs, bucketMs, count);
  const isHere = pointed?.chart === chart;

  const pointAt = (place: number) => {
    const within = Math.min(count - 1, Math.max(0, place));
    crosshair.set({ ms: firstMs + (within + 0.5) * bucketMs, chart });
  };
  const follow = (event: PointerEvent<HTMLDivElement>) => {
    const { left } = event.currentTarget.getBoundingClientRect();
    pointAt(Math.floor((frame.instant(event.clientX - left) - firstMs) / bucketMs));
  };
  const leave = () => isHere && crosshair.set(null);
  const move = (event: KeyboardEvent) => {
    const target = placeAfter(event.key, index ?? null, count);
    if (target === undefined) return;
    event.preventDefault();
    if (target === null) leave();
    else pointAt(target);
  };

  const values = index === null ? null : series.map((each) => textOf(each, index, format));
  const words =
    index === null || values === null
      ? 'No moment is chosen. Arrow keys choose one.'
      : `${bucketLabel(firstMs + index * bucketMs, bucketMs)}: ${series
          .map((each, place) => `${each.title} ${values[place]}`)
          .join(', ')}`;
  return (
    <div
      role="slider"
      tabIndex={0}
      aria-label={`${title}: moment`}
      aria-valuemin={0}
      aria-valuemax={Math.max(0, count - 1)}
      aria-valuenow={index ?? count - 1}
      aria-valuetext={words}
      className="absolute inset-0 cursor-crosshair touch-pan-y"
      onPointerMove={follow}
      onPointerDown={follow}
      onPointerLeave={leave}
      onKeyDown={move}
      onBlur={leave}
    >
      {index !== null && (
        <svg width="100%" height={PLOT_HEIGHT} aria-hidden className="pointer-events-none block">
          <line
            x1={frame.middle(index)}
            x2={frame.middle(index)}
            y1={frame.top}
            y2={frame.bottom}
            stroke="var(--ink-faint)"
            strokeDasharray="3 3"
          />
        </svg>
      )}
      {index !== null && isHere && (
        <Values
          {...props}
          index={index}
          isLeft={frame.middle(index) > (frame.left + frame.right) / 2}
        />
      )}
    </div>
  );
}

function Values(props: PointerProps & { index: number; isLeft: boolean }) {
  const { frame, firstMs, bucketMs, series, format, hasSum, shaded, index, isLeft } = props;
  const x = frame.middle(index);
  const sum = series.reduce((all, { values }) => all + (values[index] || 0), 0);
  return (
    <div
      aria-hidden
      className={cn(
        'pointer-events-none absolute top-1 z-10 w-max max-w-64 rounded-md border border-line bg-raised px-2.5 py-1.5 text-xs shadow-float',
        isLeft && '-translate-x-full',
      )}
      style={{ left: isLeft ? x - 10 : x + 10 }}
    >
      <p className="whitespace-nowrap pb-1 font-medium">
        {bucketLabel(firstMs + index * bucketMs, bucketMs)}
      </p>
      {series.map((each) => (
        <p key={each.name} className="flex items-center gap-2">
          <Swatch color={each.color} />
          <span className="min-w-0 flex-1 truncate text-ink-soft">{each.title}</span>
          <span className="pl-3 tabular-nums">{textOf(each, index, format)}</span>
        </p>
      ))}
      {hasSum && series.length > 1 && (
        <p className="mt-1 flex justify-between border-line border-t pt-1 text-ink-soft">
          <span>Together</span>
          <span className="tabular-nums">{format(sum)}</span>
        </p>
      )}
      {shaded?.isShaded[index] && <p className="mt-1 text-waiting-ink">{shaded.title}</p>}
    </div>
  );
}

export function Swatch({ color }: { color: string }) {
  return (
    <span aria-hidden className="size-2.5 shrink-0 rounded-xs" style={{ backgroundColor: color }} />
  );
}

function textOf(series: DrawnSeries, index: number, format: (value: number) => string): string {
  const value = series.values[index];
  return value === undefined || Number.isNaN(value) ? '–' : format(value);
}

/** Where a key moves to from `index`; null for nowhere, undefined if the key does not move. */
export function placeAfter(
  key: string,
  index: number | null,
  count: number,
): number | null | undefined {
  const last = count - 1;
  const page = Math.max(1, Math.round(count / 10));
  switch (key) {
    case 'ArrowLeft':
    case 'ArrowDown':
      return index === null ? last : Math.max(0, index - 1);
    case 'ArrowRight':
    case 'ArrowUp':
      return index === null ? 0 : Math.min(last, index + 1);
    case 'PageDown':
      return Math.max(0, (index ?? last) - page);
    case 'PageUp':
      return Math.min(last, (index ?? 0) + page);
    case 'Home':
      return 0;
    case 'End':
      return last;
    case 'Escape':
      return index === null ? undefined : null;
    default:
      return undefined;
  }
}
