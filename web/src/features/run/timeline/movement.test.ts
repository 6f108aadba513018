import { describe, expect, it } from 'vitest';
import { runOf, stepOf, userSpanOf } from '../testing/spans';
import { arrange } from './arrange';
import { movementOf } from './movement';
import { visibleRows } from './rows';

const root = arrange(
  runOf([
    stepOf('load', { queued: 0, ended: 10, childrenSpans: [userSpanOf('query')] }),
    stepOf('save', { queued: 20, ended: 30, childrenSpans: [userSpanOf('write')] }),
    stepOf('tell', { queued: 30, ended: 40 }),
  ]),
);
// Run, load, query, save, tell
const rows = visibleRows(root, new Set(['id of load']));
const press = (key: string, at: number) => movementOf(key, rows, at, 3);

describe('movementOf', () => {
  it('goes up and down, and no further than the ends', () => {
    expect(press('ArrowDown', 1)).toEqual({ to: 2 });
    expect(press('ArrowUp', 1)).toEqual({ to: 0 });
    expect(press('ArrowUp', 0)).toEqual({ to: 0 });
    expect(press('ArrowDown', 4)).toEqual({ to: 4 });
  });

  it('goes by pages and to the ends', () => {
    expect(press('PageDown', 0)).toEqual({ to: 3 });
    expect(press('PageUp', 1)).toEqual({ to: 0 });
    expect(press('Home', 3)).toEqual({ to: 0 });
    expect(press('End', 0)).toEqual({ to: 4 });
  });

  it('opens with the right arrow, then goes in', () => {
    expect(press('ArrowRight', 3)).toEqual({ expand: 'id of save' });
    expect(press('ArrowRight', 1)).toEqual({ to: 2 });
    expect(press('ArrowRight', 4)).toBeUndefined();
  });

  it('closes with the left arrow, or goes out', () => {
    expect(press('ArrowLeft', 1)).toEqual({ collapse: 'id of load' });
    expect(press('ArrowLeft', 2)).toEqual({ to: 1 });
    expect(press('ArrowLeft', 4)).toEqual({ to: 0 });
    expect(press('ArrowLeft', 0)).toBeUndefined();
  });

  it('selects with enter and space, and opens everything with *', () => {
    expect(press('Enter', 2)).toEqual({ select: 2 });
    expect(press(' ', 2)).toEqual({ select: 2 });
    expect(press('*', 2)).toBe('expand all');
  });

  it('looks closer with z', () => {
    expect(press('z', 1)).toEqual({ zoom: 1 });
  });

  it('leaves other keys alone', () => {
    expect(press('a', 2)).toBeUndefined();
    expect(press('ArrowDown', 99)).toBeUndefined();
  });
});
