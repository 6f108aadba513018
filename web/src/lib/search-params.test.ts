import { describe, expect, it } from 'vitest';
import { parseSearch } from './search-codec';
import {
  choice,
  duration,
  flag,
  instant,
  isOneOf,
  isUlid,
  isUuid,
  list,
  text,
} from './search-params';

const isStatus = isOneOf(['FAILED', 'RUNNING'] as const);

describe('list', () => {
  it.each([
    ['?s=FAILED', ['FAILED']],
    ['?s=FAILED,RUNNING', ['FAILED', 'RUNNING']],
    ['?s=FAILED&s=RUNNING', ['FAILED', 'RUNNING']],
    ['?s=["FAILED"]', ['FAILED']],
    ['?s=%5B%22FAILED%22%2C%22RUNNING%22%5D', ['FAILED', 'RUNNING']],
    ['?s=%22%5B%5C%22FAILED%5C%22%5D%22', ['FAILED']],
    ['?s=FAILED,nonsense,FAILED', ['FAILED']],
    ['?s=nonsense', undefined],
    ['?s=', undefined],
    ['', undefined],
    ['?s=%5B%22FAILED', undefined],
  ])('reads %s', (search, expected) => {
    expect(list(parseSearch(search).s, isStatus)).toEqual(expected);
  });
});

describe('scalars', () => {
  it('fall back when they are not valid', () => {
    expect(choice('foo', ['QUEUED_AT', 'ENDED_AT'])).toBeUndefined();
    expect(choice('"ENDED_AT"', ['QUEUED_AT', 'ENDED_AT'])).toBe('ENDED_AT');
    expect(flag('true')).toBe(true);
    expect(flag('"true"')).toBe(true);
    expect(flag('yes')).toBeUndefined();
    expect(duration('3d')).toBe('3d');
    expect(duration('6M')).toBe('6M');
    expect(duration('0d')).toBeUndefined();
    expect(duration('3 days')).toBeUndefined();
    expect(instant('2026-11-21T09:07:15.250Z')).toBe('2026-11-21T09:07:15.250Z');
    expect(instant('2026-13-45T00:00:00Z')).toBeUndefined();
    expect(instant('yesterday')).toBeUndefined();
  });

  it('keeps commas of texts', () => {
    expect(text(parseSearch('?q=a,b').q)).toBe('a,b');
    expect(text('  ')).toBeUndefined();
    expect(text(undefined)).toBeUndefined();
  });

  it('knows ids', () => {
    expect(isUlid('01ARZ3NDEKTSV4RRFFQ69G5FAV')).toBe(true);
    expect(isUlid('81ARZ3NDEKTSV4RRFFQ69G5FAV')).toBe(false);
    expect(isUuid('3f2504e0-4f89-41d3-9a0c-0305e82c3301')).toBe(true);
    expect(isUuid('3f2504e0')).toBe(false);
  });
});
