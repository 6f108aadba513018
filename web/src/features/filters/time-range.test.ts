import { describe, expect, it } from 'vitest';
import { parseSearch } from '~/lib/search-codec';
import {
  boundsOf,
  instantOfLocal,
  lengthOf,
  localOf,
  PRESETS,
  problemsOf,
  rangeInWords,
  timeRangeOf,
  timeSearchOf,
  typedDuration,
  validTimeSearch,
} from './time-range';

const NOW = Date.parse('2026-11-21T12:00:00.000Z');
const START = '2026-11-20T08:00:00.000Z';
const END = '2026-11-20T09:30:00.250Z';

describe('a time range in the address', () => {
  const search = (address: string) => validTimeSearch(parseSearch(address));

  it.each([
    ['?last=3d', { last: '3d' }],
    ['?last=%2290m%22', { last: '90m' }],
    ['?last=3d&start=2026-11-20T08:00:00Z', { last: '3d' }],
    ['?start=2026-11-20T08:00:00Z', { start: START }],
    [`?start=${START}&end=${END}`, { start: START, end: END }],
    [`?start=${END}&end=${START}`, { start: END }],
    [`?end=${END}`, {}],
    ['?last=soon', {}],
    ['?last=0d&start=never', {}],
    ['', {}],
  ])('%s is understood', (address, expected) => {
    expect(search(address)).toEqual(expected);
  });

  it('falls back to the default of the page', () => {
    expect(timeRangeOf({})).toEqual({ kind: 'last', duration: '1d' });
    expect(timeRangeOf({}, '7d')).toEqual({ kind: 'last', duration: '7d' });
  });

  it('says nothing of the default', () => {
    const nothing = { last: undefined, start: undefined, end: undefined };
    expect(timeSearchOf({ kind: 'last', duration: '1d' })).toEqual(nothing);
    expect(timeSearchOf({ kind: 'last', duration: '1d' }, '7d')).toEqual({
      ...nothing,
      last: '1d',
    });
  });

  it.each([
    { kind: 'last', duration: '12h' },
    { kind: 'between', start: START, end: END },
    { kind: 'between', start: START, end: null },
  ] as const)('gives the same range back: %o', (range) => {
    expect(timeRangeOf(timeSearchOf(range))).toEqual(range);
  });
});

describe('the bounds of a range', () => {
  it('slide with the clock', () => {
    const range = { kind: 'last', duration: '30m' } as const;
    expect(boundsOf(range, NOW)).toEqual({ from: '2026-11-21T11:30:00.000Z', until: null });
    expect(boundsOf(range, NOW + 60_000).from).toBe('2026-11-21T11:31:00.000Z');
  });

  it('stay within what a time can be', () => {
    expect(boundsOf({ kind: 'last', duration: '999999y' }, NOW).from).toBe(
      '1970-01-01T00:00:00.000Z',
    );
  });

  it('are the ends of an absolute range', () => {
    const range = { kind: 'between', start: START, end: END } as const;
    expect(boundsOf(range, NOW)).toEqual({ from: START, until: END });
    expect(lengthOf(range, NOW)).toBe(5_400_250);
    expect(lengthOf({ ...range, end: null }, NOW)).toBe(28 * 3_600_000);
  });
});

describe('what is typed', () => {
  it.each([
    ['45m', '45m'],
    [' 6 h ', '6h'],
    ['2 weeks', '2w'],
    ['1 Day', '1d'],
    ['3M', '3M'],
    ['3 months', '3M'],
    ['007s', '7s'],
    ['0s', null],
    ['12', null],
    ['1.5h', null],
    ['five minutes', null],
    ['5 fortnights', null],
    ['', null],
  ])('%s means %s', (text, expected) => {
    expect(typedDuration(text)).toBe(expected);
  });

  it('is refused with the reason at the right end', () => {
    const local = (instant: string) => localOf(instant);
    const later = local('2026-11-21T13:00:00Z');
    expect(problemsOf('', '', NOW).start).toMatch(/when it begins/);
    expect(problemsOf(later, '', NOW).start).toMatch(/future/);
    expect(problemsOf(local(START), later, NOW).end).toMatch(/future/);
    expect(problemsOf(local(END), local(START), NOW).end).toMatch(/before it begins/);
    expect(problemsOf(local(START), local(START), NOW).end).toMatch(/before it begins/);
    expect(problemsOf(local(START), local(END), NOW)).toEqual({ start: null, end: null });
    expect(problemsOf(local(START), '', NOW)).toEqual({ start: null, end: null });
  });

  it('keeps milliseconds on the way into an input and back', () => {
    expect(instantOfLocal(localOf(END))).toBe(END);
    expect(localOf(null)).toBe('');
    expect(instantOfLocal('')).toBeNull();
    expect(instantOfLocal('yesterday')).toBeNull();
  });
});

describe('a range in words', () => {
  it('is a length or two ends', () => {
    expect(rangeInWords({ kind: 'last', duration: '7d' }, NOW)).toBe('Last 7 days');
    expect(rangeInWords({ kind: 'between', start: START, end: null }, NOW)).toMatch(
      /^Nov 20.*now$/,
    );
  });

  it('exists for every preset', () => {
    for (const preset of PRESETS) expect(typedDuration(preset)).toBe(preset);
  });
});
