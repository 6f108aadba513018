import { describe, expect, it } from 'vitest';
import type { SpanDetails } from '../queries';
import { attributesOf, detailsOf, headersOf } from './details';

describe('detailsOf', () => {
  it('finds a span at any depth', () => {
    const of = (spanID: string, childrenSpans: SpanDetails[] = []): SpanDetails => ({
      spanID,
      response: null,
      userlandSpan: null,
      childrenSpans,
    });
    const root = of('root', [of('a'), of('b', [of('c')])]);
    expect(detailsOf(root, 'c')?.spanID).toBe('c');
    expect(detailsOf(root, 'x')).toBeNull();
  });
});

describe('headersOf', () => {
  it('puts the status first, and joins several values', () => {
    const headers = { via: ['a', 'b'], 'content-type': 'application/json' };
    expect(headersOf({ statusCode: 206, headers })).toEqual([
      ['Status', '206'],
      ['content-type', 'application/json'],
      ['via', 'a, b'],
    ]);
  });
});

describe('attributesOf', () => {
  it('leaves out what SDKs note for themselves', () => {
    expect(attributesOf('{"db.system":"sqlite","inngest.run":"x","sys.a":1,"system":2}')).toEqual([
      ['db.system', 'sqlite'],
      ['system', 2],
    ]);
  });

  it('is empty where there is nothing to read', () => {
    expect(attributesOf(null)).toEqual([]);
    expect(attributesOf('not json')).toEqual([]);
    expect(attributesOf('7')).toEqual([]);
  });
});
