import { describe, expect, it } from 'vitest';
import { toggled, toggledAll, toggledRange } from './selection';

const ORDER = [...'abcdef'];
const chosen = (ids: string) => new Set(ids);
const text = (ids: ReadonlySet<string>) => [...ids].sort().join('');

describe('choosing rows', () => {
  it('is done one by one', () => {
    expect(text(toggled(chosen('ab'), 'c'))).toBe('abc');
    expect(text(toggled(chosen('abc'), 'b'))).toBe('ac');
  });

  it('reaches from the row that was chosen before', () => {
    expect(text(toggledRange(chosen('b'), ORDER, 'b', 'e'))).toBe('bcde');
    expect(text(toggledRange(chosen('e'), ORDER, 'e', 'b'))).toBe('bcde');
    expect(text(toggledRange(chosen('b'), ORDER, 'b', 'b'))).toBe('');
  });

  it('takes a range back', () => {
    expect(text(toggledRange(chosen('abcdef'), ORDER, 'b', 'd'))).toBe('aef');
  });

  it('is one row where a range has no beginning', () => {
    expect(text(toggledRange(chosen('a'), ORDER, null, 'd'))).toBe('ad');
    expect(text(toggledRange(chosen('a'), ORDER, 'gone', 'd'))).toBe('ad');
  });

  it('takes all, and then none', () => {
    expect(text(toggledAll(chosen('b'), ORDER))).toBe('abcdef');
    expect(text(toggledAll(chosen('abcdef'), ORDER))).toBe('');
  });
});
