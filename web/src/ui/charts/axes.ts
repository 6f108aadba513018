/** Which values and times stand at the axes, and what is written there. */
import { scaleLinear, scaleTime } from 'd3-scale';

const COMPACT = new Intl.NumberFormat(undefined, { notation: 'compact', maximumFractionDigits: 1 });
const PLAIN = new Intl.NumberFormat();
const DAY = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric' });
const MONTH = new Intl.DateTimeFormat(undefined, { month: 'short', year: 'numeric' });
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' });
const DAY_MS = 86_400_000;

/** Written in full: 12,345. */
export const formatCount = (value: number): string => PLAIN.format(value);

/** Written short, for an axis: 12.3K. */
export const formatCompact = (value: number): string => COMPACT.format(value);

/**
 * From 0 to at least `greatest`, in three to five even steps. Whole numbers get no fractions, and
 * an axis without values still has one step.
 */
export function valueTicks(greatest: number, isWhole: boolean): number[] {
  const top = greatest > 0 ? greatest : 1;
  if (isWhole && top <= 4) return Array.from({ length: Math.ceil(top) + 1 }, (_, value) => value);
  const scale = scaleLinear().domain([0, top]).nice(4);
  const ticks = scale.ticks(4);
  return isWhole ? ticks.filter(Number.isInteger) : ticks;
}

export interface TimeTick {
  ms: number;
  label: string;
  /** Whether a day begins here. */
  isDay: boolean;
}

/** Round instants of the reader's zone; a day's beginning is written as its date. */
export function timeTicks(fromMs: number, untilMs: number, width: number): TimeTick[] {
  const count = Math.max(2, Math.floor(width / 90));
  const scale = scaleTime().domain([fromMs, untilMs]);
  return scale.ticks(count).map((date) => {
    const isDay = date.getHours() === 0 && date.getMinutes() === 0;
    return { ms: date.getTime(), label: tickLabel(date, isDay, untilMs - fromMs), isDay };
  });
}

function tickLabel(date: Date, isDay: boolean, rangeMs: number): string {
  if (!isDay) return CLOCK.format(date);
  return rangeMs > 300 * DAY_MS && date.getDate() === 1 ? MONTH.format(date) : DAY.format(date);
}

/** "Nov 21, 2:05 PM – 2:10 PM"; with two dates where a bucket ends on another day. */
export function bucketLabel(startMs: number, bucketMs: number): string {
  const start = new Date(startMs);
  const end = new Date(startMs + bucketMs);
  const from = `${DAY.format(start)}, ${CLOCK.format(start)}`;
  const isSameDay = start.toDateString() === new Date(startMs + bucketMs - 1).toDateString();
  if (isSameDay) return `${from} – ${CLOCK.format(end)}`;
  return `${from} – ${DAY.format(end)}, ${CLOCK.format(end)}`;
}
