import { describe, expect, it } from 'vitest';
import {
  BACKLOG,
  CALL_LATENCY,
  needsOf,
  RUN_THROUGHPUT,
  RUNS_BY_STATUS,
  STEPS_RUNNING,
} from './definitions';
import { percentile, percentileOverall, percentiles } from './latency';
import { failureRate, formatRate, type Numbers, sumOf, totalOf, valuesOf } from './numbers';

const NUMBERS: Numbers = {
  buckets: ['2026-11-21T12:00:00Z', '2026-11-21T12:01:00Z'],
  bucketMs: 60_000,
  series: [
    { name: 'runs_completed', values: [4, 2] },
    { name: 'runs_failed', values: [1, 0] },
    { name: 'runs_cancelled', values: [0, 1] },
    { name: 'calls_limited', values: [0, 3] },
  ],
  histograms: [
    {
      name: 'call_duration',
      counts: [
        [0, 10, 0],
        [0, 0, 0],
      ],
    },
  ],
  latencyBoundsMs: [10, 50],
};

describe('percentile', () => {
  const bounds = [10, 50, 100];
  it('spreads times evenly between two bounds', () => {
    expect(percentile([0, 10, 0, 0], bounds, 0.5)).toBe(30);
    expect(percentile([10, 0, 0, 0], bounds, 0.95)).toBe(9.5);
  });
  it('finds the bound that has the one that is wanted', () => {
    expect(percentile([98, 1, 1, 0], bounds, 0.5)).toBeLessThan(10);
    expect(percentile([98, 1, 1, 0], bounds, 0.99)).toBe(50);
    expect(percentile([98, 1, 1, 0], bounds, 1)).toBe(100);
  });
  it('knows no more than the last bound of what took longer', () => {
    expect(percentile([0, 0, 0, 5], bounds, 0.5)).toBe(100);
  });
  it('is nothing where nothing was counted', () => {
    expect(percentile([0, 0, 0, 0], bounds, 0.5)).toBeNaN();
  });
  it('is there for every bucket and for all of them', () => {
    const latencies = {
      counts: [
        [4, 0, 0, 0],
        [0, 0, 0, 0],
        [0, 0, 4, 0],
      ],
      boundsMs: bounds,
    };
    expect(percentiles(latencies, 0.5)).toEqual([5, Number.NaN, 75]);
    expect(percentileOverall(latencies, 1)).toBe(100);
  });
});

describe('numbers', () => {
  it('are zero where nothing was counted', () => {
    expect(valuesOf(NUMBERS, 'runs_skipped')).toEqual([0, 0]);
  });
  it('add up', () => {
    expect(sumOf(NUMBERS, 'runs_completed', 'runs_failed')).toEqual([5, 2]);
    expect(totalOf(NUMBERS, 'runs_completed', 'runs_failed')).toBe(7);
  });
});

describe('the failure rate', () => {
  it('is unknown until something has ended', () => {
    expect(failureRate(0, 0)).toBeNull();
    expect(formatRate(null)).toBe('–');
  });
  it.each([
    [8, 1, '12.5%'],
    [3, 1, '33.33%'],
    [5, 0, '0%'],
    [5, 5, '100%'],
    [1_000_000, 1, '< 0.01%'],
    [1_000_000, 999_999, '> 99.99%'],
  ])('of %i runs, %i failed: %s', (ended, failed, text) => {
    expect(formatRate(failureRate(ended, failed))).toBe(text);
  });
});

describe('charts', () => {
  it('ask for each series once', () => {
    const needs = needsOf([RUNS_BY_STATUS, RUN_THROUGHPUT]);
    expect(needs).toHaveLength(new Set(needs).size);
    expect(needs).toContain('runs_scheduled');
  });
  it('count every end', () => {
    const ended = RUN_THROUGHPUT.series(NUMBERS).find(({ name }) => name === 'runs_ended');
    expect(ended?.values).toEqual([5, 3]);
  });
  it('leave out skipped runs while there are none', () => {
    expect(RUNS_BY_STATUS.series(NUMBERS).map(({ title }) => title)).toEqual([
      'Completed',
      'Failed',
      'Cancelled',
    ]);
    expect(BACKLOG.series(NUMBERS).map(({ title }) => title)).toEqual(['Queued', 'Sleeping']);
  });
  it('mark where a limit was reached', () => {
    expect(STEPS_RUNNING.shaded?.(NUMBERS).isShaded).toEqual([false, true]);
  });
  it('have gaps where nothing was measured', () => {
    expect(CALL_LATENCY.series(NUMBERS)[0]?.values).toEqual([30, Number.NaN]);
  });
});
