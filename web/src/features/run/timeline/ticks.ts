import type { Bounds } from './node';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Distances that people read easily. */
const DISTANCES = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1, 2, 5, 10, 15, 30].map((count) => count * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((count) => count * MINUTE),
  ...[1, 2, 3, 6, 12].map((count) => count * HOUR),
  ...[1, 2, 7, 14, 30, 90, 365].map((count) => count * DAY),
];

export interface Tick {
  /** Since the beginning of the run. */
  afterMs: number;
  leftPercent: number;
}

/** Marks at round distances from the run's beginning, at most `most` of them. */
export function ticksOf(window: Bounds, beginMs: number, most: number): Tick[] {
  const width = window.toMs - window.fromMs;
  const distance =
    DISTANCES.find((each) => width / each <= most) ?? Math.ceil(width / most / DAY) * DAY;
  const ticks: Tick[] = [];
  const first = Math.ceil((window.fromMs - beginMs) / distance) * distance;
  for (let afterMs = first; beginMs + afterMs <= window.toMs; afterMs += distance) {
    ticks.push({ afterMs, leftPercent: ((beginMs + afterMs - window.fromMs) / width) * 100 });
  }
  return ticks;
}
