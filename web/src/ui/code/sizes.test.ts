import { expect, test } from 'vitest';
import { hasFewLines, hasLongLine, sizeOf } from './sizes';

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

test.each([
  ['x'.repeat(50_000), false],
  ['x'.repeat(50_001), true],
  [`${'x'.repeat(50_000)}\n${'x'.repeat(50_000)}\n`, false],
  [`a\n${'x'.repeat(50_001)}`, true],
  ['', false],
])('tells a long line, case %#', (text, isLong) => {
  expect(hasLongLine(text)).toBe(isLong);
});
