import { expect, it } from 'vitest';
import { countInWords } from './counting';

it.each([
  [0, true, '0 events'],
  [1, true, '1 event'],
  [1, false, '1+ events'],
  [12_345, true, '12,345 events'],
  [10_000, false, '10,000+ events'],
])('%d is %s', (count, isExact, expected) => {
  expect(countInWords(count, 'event', isExact)).toBe(expected);
});
