import { describe, expect, it } from 'vitest';
import { runOf, stepOf, userSpanOf } from '../testing/spans';
import { arrange } from './arrange';
import { expandableIds, visibleRows } from './rows';

const query = userSpanOf('query', { spanID: 'q', childrenSpans: [userSpanOf('connect')] });
const root = arrange(
  runOf([
    stepOf('load', { queued: 0, ended: 10, childrenSpans: [query] }),
    stepOf('left', { queued: 10, ended: 30, childrenSpans: [userSpanOf('deep')] }),
    stepOf('right', { queued: 10, ended: 30 }),
    stepOf('save', { queued: 30, ended: 40 }),
  ]),
);
const none = new Set<string>();
const shown = (rows: ReturnType<typeof visibleRows>) =>
  rows.map(({ node, level }) => `${level} ${node.name}`);

describe('visibleRows', () => {
  it('opens the run, and nothing else', () => {
    expect(shown(visibleRows(root, none))).toEqual([
      '1 Run',
      '2 load',
      '2 left',
      '2 right',
      '2 save',
    ]);
  });

  it('says what can be opened and what cannot', () => {
    const rows = visibleRows(root, new Set(['id of load']));
    expect(rows.map(({ isExpanded }) => isExpanded)).toEqual([
      true,
      true,
      false,
      false,
      undefined,
      undefined,
    ]);
  });

  it('says where each row is among its siblings, and below which', () => {
    const rows = visibleRows(root, new Set(['id of load', 'q']));
    expect(rows[3]).toMatchObject({ level: 4, position: 1, siblingCount: 1, parentIndex: 2 });
    expect(rows[4]).toMatchObject({ level: 2, position: 2, siblingCount: 4, parentIndex: 0 });
  });

  it('draws a brace beside what went on at the same time', () => {
    const rows = visibleRows(root, none);
    expect(rows.map(({ parallel }) => parallel && [parallel.isFirst, parallel.isLast])).toEqual([
      undefined,
      undefined,
      [true, false],
      [false, true],
      undefined,
    ]);
  });

  it('goes on with the brace beside what is opened within it', () => {
    const rows = visibleRows(root, new Set(['id of left', 'id of right']));
    const braces = rows.map(({ parallel }) => parallel && [parallel.isFirst, parallel.isLast]);
    expect(braces.slice(2, 5)).toEqual([
      [true, false],
      [false, false],
      [false, true],
    ]);
  });

  it('shows what a filter finds, with what is above and below it', () => {
    expect(shown(visibleRows(root, none, 'QUERY'))).toEqual([
      '1 Run',
      '2 load',
      '3 query',
      '4 connect',
    ]);
  });

  it('shows only the run if a filter finds nothing', () => {
    expect(shown(visibleRows(root, none, 'nowhere'))).toEqual(['1 Run']);
  });

  it('counts only siblings that are shown', () => {
    expect(visibleRows(root, none, 'right')[1]).toMatchObject({ position: 1, siblingCount: 1 });
  });
});

describe('expandableIds', () => {
  it('names every row that something is below, but the run', () => {
    expect(expandableIds(root)).toEqual(['id of load', 'q', 'id of left']);
  });
});
