import { describe, expect, it } from 'vitest';
import { RequestError } from '~/lib/request';
import { faultOf, spanOf } from './faults';

describe('the fault in a search', () => {
  it('is told by the server, with its place', () => {
    const details = { reason: 'has no end', line: 2, column: 5 };
    const error = new RequestError('refused', 'error: has no end', 'SEARCH_INVALID', details);
    expect(faultOf(error)).toEqual({ message: 'has no end', line: 2, column: 5 });
  });

  it('may have no place', () => {
    const error = new RequestError('refused', 'invalid', 'expression_invalid');
    expect(faultOf(error)).toEqual({ message: 'invalid', line: null, column: null });
  });

  it('is none where something else went wrong', () => {
    expect(faultOf(new RequestError('unreachable', 'gone'))).toBeNull();
    expect(faultOf(new Error('gone'))).toBeNull();
    expect(faultOf(null)).toBeNull();
  });
});

describe('the word that is wrong', () => {
  const marked = (text: string, line: number | null, column: number | null) => {
    const span = spanOf(text, { message: '', line, column });
    return span && text.slice(span.from, span.to);
  };

  it.each([
    ['event.v == 3', 1, 12, '3'],
    ['output == 1\nevent.name == 42 && error', 2, 15, '42'],
    ['event.data.total ~ 3', 1, 18, '~'],
    ['"a b" == event.name', 1, 1, '"a b"'],
    ['event.data["é😀"] == nope', 1, 21, 'nope'],
    ['event.name ==', 1, 14, '=='],
    ['event.name == ', 1, 15, '== '],
    ['event.name == x', 1, null, 'event.name == x'],
    ['event.name', 3, 1, null],
    ['event.name', null, null, null],
    ['', 1, 1, ''],
  ])('%j at %s:%s is %j', (text, line, column, word) => {
    expect(marked(text, line, column)).toBe(word);
  });
});
