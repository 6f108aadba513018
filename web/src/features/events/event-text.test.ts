import { describe, expect, it } from 'vitest';
import { elementsOf, membersOf, objectText } from './event-text';

describe('membersOf', () => {
  it('gives names and the texts of values', () => {
    expect(
      membersOf(' {"a": {"b": [1, {"x": "}"}]}, "c\\u0064" : 1.0 , "e": [], "f": {}, "g": null} '),
    ).toEqual([
      ['a', '{"b": [1, {"x": "}"}]}'],
      ['cd', '1.0'],
      ['e', '[]'],
      ['f', '{}'],
      ['g', 'null'],
    ]);
  });

  it('gives nothing of other values', () => {
    expect(membersOf('[{"a": 1}]')).toEqual([]);
    expect(membersOf('{ }')).toEqual([]);
    expect(membersOf('"{}"')).toEqual([]);
  });

  it('can be put together again', () => {
    expect(objectText(membersOf('{"a": 12345678901234567890, "b": {"c": 2}}'))).toBe(
      '{"a":12345678901234567890,"b":{"c": 2}}',
    );
  });
});

describe('elementsOf', () => {
  it('gives the texts of elements', () => {
    expect(elementsOf(' [ {"a": 1} , [2, 3], "x,]", {}, -1e5 ] ')).toEqual([
      '{"a": 1}',
      '[2, 3]',
      '"x,]"',
      '{}',
      '-1e5',
    ]);
  });

  it('gives nothing of other values', () => {
    expect(elementsOf('{"a": [1]}')).toEqual([]);
    expect(elementsOf('[ ]')).toEqual([]);
  });

  it('does not recurse', () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);
    expect(elementsOf(deep)).toEqual([deep.slice(1, -1)]);
  });
});
