import { describe, expect, test } from 'vitest';
import { faultOf } from './json-fault';

describe('faultOf', () => {
  test.each([
    ['{"a": 1,}', 8, 'Remove the comma'],
    ['[1, 2,]', 6, 'Remove the comma'],
    ['{"a" 1}', 5, 'colon'],
    ['{"a": 1 "b": 2}', 8, 'comma before this'],
    ['{a: 1}', 1, 'double quotes'],
    ['{"a": \'b\'}', 6, 'double quotes'],
    ['{"a": hello}', 6, 'double quotes'],
    ['{"a": 01}', 6, 'not a number'],
    ['{"a": }', 6, 'A value is missing'],
    ['{"a": [1}', 8, 'Close [ with ]'],
    ['{"a": "x\ny"}', 6, 'same line'],
    ['{"a": "x\ty"}', 8, 'tab'],
    ['{"a": "C:\\dir"}', 9, 'backslash'],
    ['{"a": "open', 6, 'Close the text'],
    ['{"a": 1', 6, 'is closed with }'],
    ['{"a":1} x', 8, 'has ended'],
    ['{,}', 1, 'Remove this comma'],
    ['{"a": // no\n1}', 6, 'no comments'],
    ['', 0, 'missing'],
    ['   ', 0, 'missing'],
  ])('finds what is wrong with %j', (text, from, message) => {
    expect(faultOf(text)).toMatchObject({ from, message: expect.stringContaining(message) });
  });

  test('agrees with the browser about every text it can be given', () => {
    const pieces = [
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      '1',
      '-',
      '0',
      'true',
      ' ',
      '"',
      '\\',
      'e',
    ];
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    let valid = 0;
    for (let round = 0; round < 20_000; round += 1) {
      const length = 1 + random(7);
      const text = Array.from({ length }, () => pieces[random(pieces.length)]).join('');
      const isValid = isJson(text);
      valid += isValid ? 1 : 0;
      expect(faultOf(text) === null, text).toBe(isValid);
    }
    expect(valid).toBeGreaterThan(500);
  });

  test('does not run out of stack on deep values', () => {
    expect(faultOf('['.repeat(100_000) + ']'.repeat(100_000))).toBeNull();
  });
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
