import { expect, test } from 'vitest';
import { hasFewLines, sizeOf } from './sizes';

test.each([
  [32_768, 'simple'],
  [32_769, 'large'],
  [2_000_000, 'large'],
  [2_000_001, 'huge'],
])('%d characters are %s', (length, size) => {
  expect(sizeOf('x'.repeat(length))).toBe(size);
});

test('1,500 lines are few, one more is not', () => {
  expect(hasFewLines('\n'.repeat(1_499))).toBe(true);
  expect(hasFewLines('\n'.repeat(1_500))).toBe(false);
});
