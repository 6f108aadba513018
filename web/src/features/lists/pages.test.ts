import { describe, expect, it } from 'vitest';
import { countNew, type Page, rowsOf, withChanged, withHead } from './pages';

interface Row {
  id: string;
  status: string;
}
const idOf = (row: Row) => row.id;
const row = (id: string, status = 'RUNNING'): Row => ({ id, status });

/** A page of rows named by letters; the cursor is the last letter. */
function page(ids: string, isLast = false): Page<Row> {
  return {
    rows: [...ids].map((id) => row(id)),
    next: isLast ? null : (ids.at(-1) ?? 'end'),
    from: 'then',
    until: null,
    isComplete: true,
  };
}
const idsOf = (pages: readonly Page<Row>[]) => rowsOf(pages, idOf).map(idOf).join('');

describe('rows of pages', () => {
  it('are shown once, where they were first', () => {
    expect(idsOf([page('abc'), page('cde'), page('ef', true)])).toBe('abcdef');
    expect(rowsOf([], idOf)).toEqual([]);
  });

  it('take 1,000 pages in their stride', () => {
    const pages = Array.from({ length: 1_000 }, (_, number) => ({
      ...page(''),
      rows: Array.from({ length: 100 }, (_, place) => row(`${number}-${place}`)),
    }));
    expect(rowsOf(pages, idOf)).toHaveLength(100_000);
  });
});

describe('rows that changed', () => {
  it('change in their places, and nothing else does', () => {
    const pages = [page('ab'), page('cd'), page('e')];
    const after = withChanged(pages, new Map([['c', row('c', 'FAILED')]]), idOf);
    expect(idsOf(after)).toBe('abcde');
    expect(after[1]?.rows[0]).toEqual(row('c', 'FAILED'));
    expect(after[1]?.rows[1]).toBe(pages[1]?.rows[1]);
    expect(after[0]).toBe(pages[0]);
    expect(after[2]).toBe(pages[2]);
  });

  it('are not drawn again if they say the same', () => {
    const pages = [page('ab')];
    expect(withChanged(pages, new Map([['a', row('a')]]), idOf)[0]).toBe(pages[0]);
  });
});

describe('a newer first page', () => {
  it('goes on with what follows its last row', () => {
    expect(idsOf(withHead([page('cde'), page('fgh')], page('abc'), idOf))).toBe('abcdefgh');
    expect(idsOf(withHead([page('cde'), page('fgh')], page('xcde'), idOf))).toBe('xcdefgh');
    expect(idsOf(withHead([page('cde'), page('fgh')], page('xyzcdef'), idOf))).toBe('xyzcdefgh');
  });

  it('keeps the end of the list, and the cursor of its last page', () => {
    const [head, ...rest] = withHead([page('bcd'), page('ef', true)], page('abc'), idOf);
    expect(head?.rows).toHaveLength(3);
    expect(rest.at(-1)?.next).toBeNull();
    expect(withHead([page('cd')], page('bcd'), idOf)).toHaveLength(1);
  });

  it('leaves out what it does not hold any more', () => {
    expect(idsOf(withHead([page('abcd'), page('ef')], page('acde'), idOf))).toBe('acdef');
  });

  it('stands alone if something may be missing between', () => {
    expect(idsOf(withHead([page('xyz')], page('abc'), idOf))).toBe('abc');
  });

  it('is the whole list if nothing follows it', () => {
    expect(idsOf(withHead([page('abc'), page('d', true)], page('ab', true), idOf))).toBe('ab');
    expect(idsOf(withHead([page('abc')], page('', true), idOf))).toBe('');
  });

  it('only adds what is new if it is the page of a search that gave up', () => {
    const head = { ...page('ac'), isComplete: false };
    expect(idsOf(withHead([page('bcd'), page('ef', true)], head, idOf))).toBe('abcdef');
    expect(idsOf(withHead([page('bcd')], { ...page(''), isComplete: false }, idOf))).toBe('bcd');
  });

  it('changes nothing if it says the same', () => {
    const pages = [page('abc'), page('de')];
    expect(withHead(pages, { ...page('abc'), from: 'later' }, idOf)).toBe(pages);
  });

  it('keeps the objects of rows that are as they were', () => {
    const pages = [page('bcd')];
    const after = withHead(pages, page('abc'), idOf);
    expect(after[0]?.rows[1]).toBe(pages[0]?.rows[0]);
  });
});

describe('what is new', () => {
  const known = new Set(['c', 'd']);

  it('is counted', () => {
    expect(countNew(page('abc'), known, idOf)).toEqual({ count: 2, isMore: false });
    expect(countNew(page('cd'), known, idOf)).toEqual({ count: 0, isMore: false });
  });

  it('is more than a page if nothing on the page is known', () => {
    expect(countNew(page('ab'), known, idOf)).toEqual({ count: 2, isMore: true });
    expect(countNew(page('ab', true), known, idOf)).toEqual({ count: 2, isMore: false });
  });
});
