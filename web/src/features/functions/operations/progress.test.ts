import { describe, expect, it } from 'vitest';
import { isUnderWay, nameOf, progressInWords } from './progress';

const OPERATION = { status: 'Running', runsSeen: 40, runsFailed: 0, endedAt: null };

describe('a replay or a bulk cancellation', () => {
  it('says how far it is', () => {
    expect(progressInWords(OPERATION, 12, 'replayed')).toBe('12 replayed of 40 runs looked at');
    expect(progressInWords({ ...OPERATION, runsSeen: 1 }, 1, 'cancelled')).toBe(
      '1 cancelled of 1 run looked at',
    );
  });
  it('says what could not be done', () => {
    expect(progressInWords({ ...OPERATION, runsFailed: 2 }, 38, 'replayed')).toMatch(
      /, 2 could not be$/,
    );
  });
  it('ends once', () => {
    expect(isUnderWay(OPERATION)).toBe(true);
    expect(isUnderWay({ ...OPERATION, endedAt: '2026-11-21T09:00:00Z' })).toBe(false);
  });
  it('has a name even if nobody gave it one', () => {
    expect(nameOf('', 'replay')).toBe('Unnamed replay');
    expect(nameOf('outage', 'replay')).toBe('outage');
  });
});
