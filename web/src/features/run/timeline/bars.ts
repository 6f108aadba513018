import type { Bounds, Segment } from './node';

/** Where a part of a bar is drawn, in per cent of the window. */
export interface Bar {
  segment: Segment;
  leftPercent: number;
  widthPercent: number;
  /** Whether it goes on beyond the window. */
  isCutLeft: boolean;
  isCutRight: boolean;
}

/** The parts that are seen in the window; `nowMs` is where open ones end. */
export function barsOf(segments: readonly Segment[], window: Bounds, nowMs: number): Bar[] {
  const span = window.toMs - window.fromMs;
  const percent = (atMs: number) => ((atMs - window.fromMs) / span) * 100;
  return segments.flatMap((segment) => {
    const toMs = Math.max(segment.toMs ?? nowMs, segment.fromMs);
    if (toMs < window.fromMs || segment.fromMs > window.toMs) return [];
    const left = Math.max(percent(segment.fromMs), 0);
    const right = Math.min(percent(toMs), 100);
    return [
      {
        segment,
        leftPercent: left,
        widthPercent: right - left,
        isCutLeft: segment.fromMs < window.fromMs,
        isCutRight: toMs > window.toMs,
      },
    ];
  });
}
