import { describe, expect, it } from 'vitest';
import { columnsOf, RUN_COLUMNS, shownColumns } from './run-columns';

const ids = (columns: readonly { id: string }[]) => columns.map(({ id }) => id);

describe('columns of a list of runs', () => {
  it('leave out what all runs of a function have in common', () => {
    expect(ids(columnsOf('env'))).toEqual([...RUN_COLUMNS]);
    expect(ids(columnsOf('fn'))).not.toContain('function');
    expect(ids(columnsOf('fn'))).not.toContain('app');
  });

  it('are shown in their own order, whatever was chosen first', () => {
    expect(ids(shownColumns(['duration', 'status', 'id'], 'env', false))).toEqual([
      'status',
      'id',
      'duration',
    ]);
    expect(ids(shownColumns(['status', 'function'], 'fn', false))).toEqual(['status']);
  });

  it('are three on a phone', () => {
    expect(ids(shownColumns([...RUN_COLUMNS], 'env', true))).toEqual([
      'status',
      'function',
      'queuedAt',
    ]);
    expect(ids(shownColumns([...RUN_COLUMNS], 'fn', true))).toEqual([
      'status',
      'trigger',
      'queuedAt',
    ]);
  });
});
