import { describe, expect, it } from 'vitest';
import { barsOf } from './bars';
import type { Segment } from './node';

const segment = (fromMs: number, toMs: number | null): Segment => ({
  kind: 'work',
  fromMs,
  toMs,
  tone: 'good',
});
const window = { fromMs: 100, toMs: 200 };
const places = (segments: Segment[], nowMs = 200) =>
  barsOf(segments, window, nowMs).map(({ leftPercent, widthPercent }) => [
    leftPercent,
    widthPercent,
  ]);

describe('barsOf', () => {
  it('places segments in per cent of the window', () => {
    expect(places([segment(100, 150), segment(175, 200)])).toEqual([
      [0, 50],
      [75, 25],
    ]);
  });

  it('draws what goes on up to now', () => {
    expect(places([segment(120, null)], 160)).toEqual([[20, 40]]);
  });

  it('leaves out what lies beside the window', () => {
    expect(places([segment(0, 99), segment(201, 300)])).toEqual([]);
  });

  it('cuts what goes beyond it, and says so', () => {
    expect(barsOf([segment(50, 300)], window, 300)).toMatchObject([
      { leftPercent: 0, widthPercent: 100, isCutLeft: true, isCutRight: true },
    ]);
  });

  it('draws nothing backwards if the clocks differ', () => {
    expect(places([segment(150, null)], 120)).toEqual([[50, 0]]);
  });
});
