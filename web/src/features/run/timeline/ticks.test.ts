import { describe, expect, it } from 'vitest';
import { ticksOf } from './ticks';

const afters = (fromMs: number, toMs: number, most = 6) =>
  ticksOf({ fromMs, toMs }, 0, most).map(({ afterMs }) => afterMs);

describe('ticksOf', () => {
  it('stand at round distances', () => {
    expect(afters(0, 1_000)).toEqual([0, 200, 400, 600, 800, 1_000]);
    expect(afters(0, 44_000)).toEqual([0, 10_000, 20_000, 30_000, 40_000]);
    expect(afters(0, 3_600_000 * 26)).toEqual([0, 6, 12, 18, 24].map((h) => h * 3_600_000));
  });

  it('are counted from the beginning of the run, wherever the window is', () => {
    const ticks = ticksOf({ fromMs: 1_250, toMs: 1_750 }, 1_000, 5);
    expect(ticks.map(({ afterMs }) => afterMs)).toEqual([300, 400, 500, 600, 700]);
    expect(ticks[0]?.leftPercent).toBeCloseTo(10);
  });

  it('are few, however long the run is', () => {
    const years = 30 * 365 * 86_400_000;
    expect(afters(0, years).length).toBeLessThanOrEqual(7);
    expect(afters(0, 1).length).toBeLessThanOrEqual(7);
  });
});
