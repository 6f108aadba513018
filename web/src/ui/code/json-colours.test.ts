import { expect, test } from 'vitest';
import { partsOf } from './json-colours';

test('tells keys, texts, numbers and words apart', () => {
  const parts = partsOf('{\n  "a" : "b:\\"c",\n  "n": -1.5e3, "t": [true, null]\n}');
  expect(parts.filter(({ kind }) => kind !== null)).toEqual([
    { kind: 'key', text: '"a"' },
    { kind: 'text', text: '"b:\\"c"' },
    { kind: 'key', text: '"n"' },
    { kind: 'number', text: '-1.5e3' },
    { kind: 'key', text: '"t"' },
    { kind: 'word', text: 'true' },
    { kind: 'word', text: 'null' },
  ]);
});

test.each(['', '{"open', 'not json at all: [1', '"\\\\"', '{}'])('loses nothing of %j', (text) => {
  expect(
    partsOf(text)
      .map((part) => part.text)
      .join(''),
  ).toBe(text);
});
