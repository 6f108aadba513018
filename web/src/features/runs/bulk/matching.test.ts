import { describe, expect, it } from 'vitest';
import { boundsToCancel, whyNotMatching } from './matching';

const SCOPE = { functionSlug: 'shop-pay', functionId: 'f' };

describe('cancelling all that match', () => {
  it('needs one function', () => {
    expect(whyNotMatching({}, 'env')).toMatch(/one function/);
    expect(whyNotMatching({ filterFunction: ['f', 'g'] }, 'env')).toMatch(/one function/);
    expect(whyNotMatching({ filterFunction: ['f'] }, 'env')).toBeNull();
    expect(whyNotMatching({}, SCOPE)).toBeNull();
  });

  it('is not offered with filters that it cannot have', () => {
    expect(whyNotMatching({ search: 'output == 1' }, SCOPE)).toMatch(/search/);
    expect(whyNotMatching({ timeField: 'STARTED_AT' }, SCOPE)).toMatch(/queued/);
    expect(whyNotMatching({ filterStatus: ['QUEUED'] }, SCOPE)).toMatch(/both/);
    expect(whyNotMatching({ filterStatus: ['RUNNING', 'FAILED'] }, SCOPE)).toMatch(/both/);
    expect(whyNotMatching({ filterStatus: ['FAILED'] }, SCOPE)).toMatch(/ended/);
    expect(whyNotMatching({ filterStatus: ['QUEUED', 'RUNNING'] }, SCOPE)).toBeNull();
  });

  it('reaches as far as the list does', () => {
    const now = Date.parse('2026-11-21T12:00:00.000Z');
    expect(boundsToCancel({ last: '1h' }, now)).toEqual({
      startedAfter: '2026-11-21T11:00:00.000Z',
      startedBefore: '2026-11-21T12:00:00.000Z',
    });
    const start = '2026-11-20T00:00:00.000Z';
    const end = '2026-11-20T01:00:00.000Z';
    expect(boundsToCancel({ start, end }, now)).toEqual({
      startedAfter: start,
      startedBefore: end,
    });
  });
});
