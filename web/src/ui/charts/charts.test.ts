import { describe, expect, it } from 'vitest';
import { bucketLabel, timeTicks, valueTicks } from './axes';
import { bucketAt, Crosshair } from './crosshair';
import { barsPath, dotsPath, frameOf, linePath } from './frame';
import { placeAfter } from './Pointer';
import { greatest, runsOf, stacked } from './stacking';

const HOUR = 3_600_000;
const NOON = Date.parse('2026-11-21T12:00:00Z');

describe('stacked', () => {
  it('puts every series on those before it', () => {
    expect(
      stacked([
        [1, 2],
        [3, 0],
        [1, 1],
      ]),
    ).toEqual([
      [
        [0, 1],
        [0, 2],
      ],
      [
        [1, 4],
        [2, 2],
      ],
      [
        [4, 5],
        [2, 3],
      ],
    ]);
  });
  it('gives no room to what is no number', () => {
    expect(stacked([[Number.NaN], [2]])).toEqual([[[0, 0]], [[0, 2]]]);
  });
  it('knows the greatest sum and the greatest value', () => {
    const series = [
      [1, 5, Number.NaN],
      [4, 1, 2],
    ];
    expect(greatest(series, true)).toBe(6);
    expect(greatest(series, false)).toBe(5);
    expect(greatest([], true)).toBe(0);
  });
});

describe('runsOf', () => {
  it('joins neighbours', () => {
    expect(runsOf([true, true, false, true, false])).toEqual([
      [0, 1],
      [3, 3],
    ]);
    expect(runsOf([])).toEqual([]);
  });
});

describe('valueTicks', () => {
  it('has no fractions of whole numbers', () => {
    expect(valueTicks(1, true)).toEqual([0, 1]);
    expect(valueTicks(3, true)).toEqual([0, 1, 2, 3]);
    expect(valueTicks(7, true)).toEqual([0, 2, 4, 6, 8]);
  });
  it('reaches the greatest value', () => {
    for (const top of [5, 9, 17, 99, 101, 12_345]) {
      expect(valueTicks(top, true).at(-1)).toBeGreaterThanOrEqual(top);
    }
  });
  it('has a step where there is nothing', () => {
    expect(valueTicks(0, true)).toEqual([0, 1]);
  });
  it('divides what is not whole', () => {
    expect(valueTicks(0.5, false).length).toBeGreaterThan(2);
  });
});

describe('timeTicks', () => {
  it('writes clock times within a day', () => {
    const ticks = timeTicks(NOON, NOON + 6 * HOUR, 540);
    expect(ticks.every(({ isDay }) => !isDay)).toBe(true);
    expect(ticks[1]?.label).toMatch(/1:00/);
  });
  it('writes the date where a day begins', () => {
    const days = timeTicks(NOON - 72 * HOUR, NOON, 540).filter(({ isDay }) => isDay);
    expect(days.map(({ label }) => label)).toEqual(['Nov 19', 'Nov 20', 'Nov 21']);
  });
  it('has fewer where there is less room', () => {
    const wide = timeTicks(NOON - 24 * HOUR, NOON, 1_000);
    const narrow = timeTicks(NOON - 24 * HOUR, NOON, 250);
    expect(narrow.length).toBeLessThan(wide.length);
  });
});

describe('bucketLabel', () => {
  it('has one date for a bucket within a day', () => {
    expect(bucketLabel(NOON, 5 * 60_000).match(/Nov 21/g)).toHaveLength(1);
  });
  it('has one date for the last bucket of a day', () => {
    expect(bucketLabel(NOON + 11 * HOUR, HOUR).match(/Nov/g)).toHaveLength(1);
  });
  it('has two dates for a bucket over midnight', () => {
    expect(bucketLabel(NOON, 24 * HOUR)).toMatch(/Nov 21.*Nov 22/);
  });
});

describe('frameOf', () => {
  const frame = frameOf({
    width: 600,
    firstMs: NOON,
    bucketMs: HOUR,
    count: 4,
    series: [[0, 3, 8, 1]],
    isStacked: true,
    format: String,
  });
  it('puts zero at the bottom and the greatest value below the top', () => {
    expect(frame.y(0)).toBe(frame.bottom);
    expect(frame.y(8)).toBeGreaterThanOrEqual(frame.top);
  });
  it('finds the bucket at a place again', () => {
    expect(bucketAt(frame.instant(frame.middle(2)), NOON, HOUR, 4)).toBe(2);
  });
  it('draws a bar for each value that is not zero', () => {
    expect(
      barsPath(
        [
          [0, 0],
          [0, 3],
          [0, 8],
          [0, 1],
        ],
        frame,
      ).match(/M/g),
    ).toHaveLength(3);
  });
  it('leaves a gap where there is no value', () => {
    expect(linePath([1, Number.NaN, 3, 4], frame).match(/M/g)).toHaveLength(2);
  });
});

describe('dotsPath', () => {
  const frame = frameOf({
    width: 600,
    firstMs: NOON,
    bucketMs: HOUR,
    count: 5,
    series: [[1, 1, 1, 1, 1]],
    isStacked: false,
    format: String,
  });
  it('draws what a line cannot', () => {
    const { NaN: gap } = Number;
    expect(dotsPath([1, gap, 1, 1, gap], frame).match(/M/g)).toHaveLength(1);
    expect(dotsPath([gap, 1, gap, gap, 1], frame).match(/M/g)).toHaveLength(2);
    expect(dotsPath([1, 1, 1, 1, 1], frame)).toBe('');
  });
});

describe('the crosshair', () => {
  it('is outside of a chart that does not show the moment', () => {
    expect(bucketAt(NOON - 1, NOON, HOUR, 4)).toBeNull();
    expect(bucketAt(NOON + 4 * HOUR, NOON, HOUR, 4)).toBeNull();
  });
  it('tells only what is new', () => {
    const crosshair = new Crosshair();
    let heard = 0;
    crosshair.watch(() => {
      heard += 1;
    });
    crosshair.set({ ms: 1, chart: 'a' });
    crosshair.set({ ms: 1, chart: 'a' });
    crosshair.set(null);
    expect(heard).toBe(2);
  });
});

describe('placeAfter', () => {
  it.each([
    ['ArrowLeft', null, 9],
    ['ArrowLeft', 0, 0],
    ['ArrowRight', null, 0],
    ['ArrowRight', 9, 9],
    ['PageDown', 5, 4],
    ['Home', 5, 0],
    ['End', 5, 9],
    ['Escape', 5, null],
    ['Escape', null, undefined],
    ['a', 5, undefined],
  ])('%s from %s', (key, from, to) => {
    expect(placeAfter(key, from, 10)).toBe(to);
  });
});
