import { describe, expect, it } from 'vitest';
import { durationInWords, durationMs, formatDuration, formatDurationShort } from './duration';

describe('durations', () => {
  it.each([
    ['30s', 30_000],
    ['5m', 300_000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
    ['1w', 604_800_000],
    ['1M', 2_592_000_000],
    ['nonsense', 0],
  ])('%s is %d ms', (text, ms) => expect(durationMs(text)).toBe(ms));

  it.each([
    [0, '0 ms', '0 ms'],
    [-5, '0 ms', '0 ms'],
    [999.4, '999 ms', '999 ms'],
    [999.6, '1.000 s', '1 s'],
    [1_234, '1.234 s', '1.2 s'],
    [59_999, '59.999 s', '59.9 s'],
    [123_000, '2 m 3 s', '2 m 3 s'],
    [3_600_000, '1 h', '1 h'],
    [93_600_000, '1 d 2 h', '1 d 2 h'],
  ])('%d ms is written %s and %s', (ms, long, short) => {
    expect(formatDuration(ms)).toBe(long);
    expect(formatDurationShort(ms)).toBe(short);
  });

  it('writes presets in words', () => {
    expect(durationInWords('1d')).toBe('1 day');
    expect(durationInWords('30s')).toBe('30 seconds');
    expect(durationInWords('soon')).toBe('soon');
  });
});
