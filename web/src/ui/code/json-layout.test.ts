import { describe, expect, test } from 'vitest';
import { setOut } from './json-layout';

describe('setOut', () => {
  test.each([
    ['{"a":1,"b":[true,null,"x"],"c":{}}'],
    ['[]'],
    ['[[],{},[1]]'],
    ['"a \\"quoted\\" {text}: [x], \\\\"'],
    ['-12.5e3'],
    [' {"a" : {"b" : [ 1 , 2 ] } } '],
  ])('sets out %s as the browser would', (text) => {
    expect(setOut(text)).toBe(
      JSON.stringify(JSON.parse(text), null, 2).replace('-12500', '-12.5e3'),
    );
  });

  test('keeps numbers and repeated keys as they were written', () => {
    expect(setOut('{"n":12345678901234567890,"x":1.0,"n":2}')).toBe(
      '{\n  "n": 12345678901234567890,\n  "x": 1.0,\n  "n": 2\n}',
    );
  });

  test('shows escaped letters, and keeps line breaks escaped', () => {
    expect(setOut('"M\\u00fcller\\n\\u0007"')).toBe('"Müller\\n\\u0007"');
  });

  test.each(['', 'hello', '{"a":1', '{a:1}', '[1,]', '"open'])(
    'says that %j is not JSON',
    (text) => {
      expect(setOut(text)).toBeNull();
    },
  );

  test('does not grow without bound when values are deep', () => {
    const deep = '['.repeat(50_000) + ']'.repeat(50_000);
    expect((setOut(deep) ?? '').length).toBeLessThan(deep.length * 2);
    const wide = `${'['.repeat(59)}${'1,'.repeat(50_000)}1${']'.repeat(59)}`;
    expect(setOut(wide)).toBeNull();
  });
});
