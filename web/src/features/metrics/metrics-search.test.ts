import { describe, expect, it } from 'vitest';
import { validMetricsSearch } from './metrics-search';
import type { Numbers } from './numbers';
import { openAtEnd, sharesOf } from './shares';

const ID = '8d5a0c1e-5a3b-5b53-9c38-4f1f0a0d8a11';

describe('the search of the metrics page', () => {
  it('takes what it can use', () => {
    expect(validMetricsSearch({ last: '7d', filterApp: ID, fns: [ID, 'x'] })).toEqual({
      last: '7d',
      filterApp: [ID],
      fns: [ID],
    });
  });
  it('understands addresses of older dashboards', () => {
    expect(
      validMetricsSearch({ duration: '3d', apps: `["${ID}"]`, fns: `"[\\"${ID}\\"]"` }),
    ).toEqual({ last: '3d', filterApp: [ID], fns: [ID] });
  });
  it('keeps current unless it must not', () => {
    expect(validMetricsSearch({ autoRefresh: 'true' })).toEqual({});
    expect(validMetricsSearch({ autoRefresh: 'false' })).toEqual({ autoRefresh: 'false' });
  });
  it('falls back from what makes no sense', () => {
    expect(validMetricsSearch({ last: 'ever', fns: 'all', apps: [] })).toEqual({});
  });
});

describe('shares of runs', () => {
  const numbers = (series: Record<string, number[]>): Numbers => ({
    buckets: ['2026-11-21T12:00:00Z', '2026-11-21T12:01:00Z'],
    bucketMs: 60_000,
    series: Object.entries(series).map(([name, values]) => ({ name, values })),
    histograms: [],
    latencyBoundsMs: [],
  });

  it('are parts of all that ended', () => {
    const shares = sharesOf(numbers({ runs_completed: [2, 1], runs_failed: [0, 1] }));
    expect(shares.map(({ title, part }) => [title, part])).toEqual([
      ['Completed', 0.75],
      ['Failed', 0.25],
      ['Cancelled', 0],
    ]);
  });
  it('are nothing of nothing', () => {
    expect(sharesOf(numbers({})).every(({ part }) => part === 0)).toBe(true);
  });
  it('name skipped runs only if there are any', () => {
    const titles = sharesOf(numbers({ runs_skipped: [1, 0] })).map(({ title }) => title);
    expect(titles).toContain('Skipped');
  });
  it('stand beside what was open in the end', () => {
    const open = openAtEnd(numbers({ running: [4, 2], waiting: [0, 3], invoking: [0, 1] }));
    expect(open.map(({ count }) => count)).toEqual([2, 0, 0, 4]);
  });
});
