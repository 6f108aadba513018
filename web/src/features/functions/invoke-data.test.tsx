import { beforeEach, describe, expect, it } from 'vitest';
import { initialText, readData, rememberText } from './invoke-data';

describe('readData', () => {
  it('reads an object', () => {
    expect(readData('{"order": 17}')).toEqual({ data: { order: 17 } });
  });
  it('takes nothing for an empty object', () => {
    expect(readData('  \n')).toEqual({ data: {} });
  });
  it.each(['[]', 'null', '17', '"text"'])('refuses %s', (text) => {
    expect(readData(text)).toEqual({ problem: expect.stringContaining('object') });
  });
  it('says what is wrong with the JSON', () => {
    expect(readData('{"a":')).toEqual({ problem: expect.stringContaining('not JSON') });
  });
});

describe('initialText', () => {
  beforeEach(() => localStorage.clear());

  it('prefers what is given', () => {
    rememberText('shop-order', '{"a": 1}');
    expect(initialText('shop-order', { b: 2 })).toBe('{\n  "b": 2\n}');
  });
  it('remembers for each function', () => {
    rememberText('shop-order', '{"a": 1}');
    expect(initialText('shop-order', undefined)).toBe('{"a": 1}');
    expect(JSON.parse(initialText('shop-refund', undefined))).toEqual({});
  });
  it('begins with an object where something else is given', () => {
    expect(JSON.parse(initialText('shop-order', [1, 2]))).toEqual({});
  });
});
