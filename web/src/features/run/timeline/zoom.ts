import type { Bounds } from './node';

/** The least part of the whole that a mouse can be asked to grasp. */
const SMALLEST_SHARE = 0.02;

/** The shortest time that is looked at, however closely. */
const SHORTEST_MS = 1;

/** What is left of `wanted` within the whole; never shorter than `leastMs`. */
export function clampWindow(wanted: Bounds, whole: Bounds, leastMs = SHORTEST_MS): Bounds {
  const total = whole.toMs - whole.fromMs;
  const width = Math.min(Math.max(wanted.toMs - wanted.fromMs, leastMs), total);
  const fromMs = Math.min(Math.max(wanted.fromMs, whole.fromMs), whole.toMs - width);
  return { fromMs, toMs: fromMs + width };
}

/** The window with its left edge elsewhere; the right one stays. */
export function withLeft(window: Bounds, fromMs: number, whole: Bounds): Bounds {
  const least = leastOf(whole);
  const left = Math.min(Math.max(fromMs, whole.fromMs), window.toMs - least);
  return { fromMs: left, toMs: window.toMs };
}

/** The window with its right edge elsewhere; the left one stays. */
export function withRight(window: Bounds, toMs: number, whole: Bounds): Bounds {
  const least = leastOf(whole);
  const right = Math.max(Math.min(toMs, whole.toMs), window.fromMs + least);
  return { fromMs: window.fromMs, toMs: right };
}

/** The window as wide as it is, moved by some time, and no further than to the edges. */
export function movedBy(window: Bounds, byMs: number, whole: Bounds): Bounds {
  return clampWindow({ fromMs: window.fromMs + byMs, toMs: window.toMs + byMs }, whole);
}

/** A window between two moments, whichever is first. */
export function between(oneMs: number, otherMs: number, whole: Bounds): Bounds {
  const [fromMs, toMs] = oneMs < otherMs ? [oneMs, otherMs] : [otherMs, oneMs];
  return clampWindow({ fromMs, toMs }, whole, leastOf(whole));
}

/** Null if it is the whole: then it grows with it. */
export function orWhole(window: Bounds, whole: Bounds): Bounds | null {
  const isWhole = window.fromMs <= whole.fromMs && window.toMs >= whole.toMs;
  return isWhole ? null : window;
}

/** Room on both sides of what is looked at closely, as a part of its length. */
const MARGIN_SHARE = 0.1;

/** A window that holds a stretch of time with a little room on both sides. */
export function around(part: Bounds, whole: Bounds): Bounds {
  const margin = Math.max((part.toMs - part.fromMs) * MARGIN_SHARE, 1);
  return clampWindow({ fromMs: part.fromMs - margin, toMs: part.toMs + margin }, whole);
}

function leastOf(whole: Bounds): number {
  return (whole.toMs - whole.fromMs) * SMALLEST_SHARE;
}
