/** Where things stand in a chart of a given width, in pixels. */
import { scaleLinear, scaleTime } from 'd3-scale';
import { area, line } from 'd3-shape';
import { type TimeTick, timeTicks, valueTicks } from './axes';
import { type Extent, greatest } from './stacking';

export const PLOT_HEIGHT = 176;
const TOP = 10;
const BOTTOM = 22;
const RIGHT = 10;
/** Room for a letter of a label. */
const LETTER = 6.4;

/** What a chart of some series looks like at one width. */
export interface Frame {
  left: number;
  right: number;
  top: number;
  bottom: number;
  /** Middle of the bucket at a place. */
  middle: (index: number) => number;
  /** The instant at a distance from the left. */
  instant: (x: number) => number;
  x: (ms: number) => number;
  y: (value: number) => number;
  bucketWidth: number;
  valueTicks: { value: number; label: string }[];
  timeTicks: TimeTick[];
}

export interface FrameOf {
  width: number;
  firstMs: number;
  bucketMs: number;
  count: number;
  series: readonly (readonly number[])[];
  isStacked: boolean;
  format: (value: number) => string;
}

export function frameOf(of: FrameOf): Frame {
  const top = greatest(of.series, of.isStacked);
  const isWhole = of.series.every((values) =>
    values.every((value) => Number.isInteger(value) || Number.isNaN(value)),
  );
  const values = valueTicks(top, isWhole).map((value) => ({ value, label: of.format(value) }));
  const longest = Math.max(...values.map(({ label }) => label.length));
  const left = Math.ceil(Math.max(28, longest * LETTER + 14));
  const right = Math.max(left + 1, of.width - RIGHT);
  const bottom = PLOT_HEIGHT - BOTTOM;
  const untilMs = of.firstMs + of.count * of.bucketMs;
  const x = scaleTime().domain([of.firstMs, untilMs]).range([left, right]);
  const highest = Math.max(top, values.at(-1)?.value ?? 1);
  const y = scaleLinear().domain([0, highest]).range([bottom, TOP]);
  return {
    left,
    right,
    top: TOP,
    bottom,
    x,
    y,
    middle: (index) => x(of.firstMs + (index + 0.5) * of.bucketMs),
    instant: (at) => x.invert(at).getTime(),
    bucketWidth: (right - left) / Math.max(1, of.count),
    valueTicks: values,
    timeTicks: timeTicks(of.firstMs, untilMs, right - left),
  };
}

/** One outline for all bars of a series: a thousand rectangles would be slow to redraw. */
export function barsPath(extents: readonly Extent[], frame: Frame): string {
  const { bucketWidth, middle, y } = frame;
  const gap = bucketWidth > 5 ? 1.5 : bucketWidth > 3 ? 0.5 : 0;
  const width = Math.min(40, Math.max(1, bucketWidth - gap));
  const parts: string[] = [];
  extents.forEach(([low, high], index) => {
    if (high <= low) return;
    const [top, bottom] = [y(high), y(low)];
    // A single failure among thousands must be seen.
    const height = Math.max(1.5, bottom - top);
    const x = middle(index) - width / 2;
    parts.push(`M${round(x)} ${round(bottom)}v${round(-height)}h${round(width)}v${round(height)}z`);
  });
  return parts.join('');
}

export function linePath(values: readonly number[], frame: Frame): string {
  const path = line<number>()
    .defined(Number.isFinite)
    .x((_, index) => frame.middle(index))
    .y((value) => frame.y(value))

    .digits(1);
  return path(values as number[]) ?? '';
}

/** Points without a neighbour, of which a line shows nothing. */
export function dotsPath(values: readonly number[], frame: Frame): string {
  return values
    .map((value, index) => {
      if (!isAlone(values, index)) return '';
      return `M${round(frame.middle(index))} ${round(frame.y(value))}h0`;
    })
    .join('');
}

function isAlone(values: readonly number[], index: number): boolean {
  const isThere = (place: number) => Number.isFinite(values[place] ?? Number.NaN);
  return isThere(index) && !isThere(index - 1) && !isThere(index + 1);
}

export function areaPath(values: readonly number[], frame: Frame): string {
  const path = area<number>()
    .defined(Number.isFinite)
    .x((_, index) => frame.middle(index))
    .y0(frame.bottom)
    .y1((value) => frame.y(value))

    .digits(1);
  return path(values as number[]) ?? '';
}

const round = (value: number): number => Math.round(value * 10) / 10;
