import { describe, expect, it } from 'vitest';
import { parseSearch, stringifySearch } from '~/lib/search-codec';
import { isAnythingSet, isFiltered, type RunsSearch, validRunsSearch } from './run-search';

const APP = '11111111-2222-3333-4444-555555555555';
const FUNCTION = 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee';
const read = (address: string) => validRunsSearch(parseSearch(address));

describe('filters of runs in the address', () => {
  it.each<[string, RunsSearch]>([
    ['', {}],
    ['?filterStatus=FAILED,RUNNING', { filterStatus: ['FAILED', 'RUNNING'] }],
    ['?filterStatus=FAILED&filterStatus=QUEUED', { filterStatus: ['FAILED', 'QUEUED'] }],
    ['?filterStatus=["FAILED","CANCELLED"]', { filterStatus: ['FAILED', 'CANCELLED'] }],
    ['?filterStatus=%22%5B%5C%22FAILED%5C%22%5D%22', { filterStatus: ['FAILED'] }],
    ['?filterStatus=FAILED,SKIPPED,WAITING,BROKEN,FAILED', { filterStatus: ['FAILED'] }],
    ['?filterStatus=broken', {}],
    [
      `?filterApp=${APP},me&filterFunction=${FUNCTION}`,
      { filterApp: [APP], filterFunction: [FUNCTION] },
    ],
    ['?timeField=ENDED_AT', { timeField: 'ENDED_AT' }],
    ['?timeField=QUEUED_AT', {}],
    ['?timeField=foo', {}],
    ['?last=3d&start=2026-11-20', { last: '3d' }],
    ['?search=event.data.n+%3E+1', { search: 'event.data.n > 1' }],
    ['?search=event.name+in+%5B%22a%22,%22b%22%5D', { search: 'event.name in ["a","b"]' }],
    ['?search=%0A%0Aa+==+1%0A++%0Aerror+!=+null', { search: 'a == 1\nerror != null' }],
    ['?search=%20%0A', {}],
    ['?foo=bar', {}],
  ])('%s', (address, expected) => {
    expect(read(address)).toEqual(expected);
  });

  it('come back as they were', () => {
    const search: RunsSearch = {
      start: '2026-11-20T08:00:00.000Z',
      end: '2026-11-20T09:00:00.250Z',
      timeField: 'STARTED_AT',
      filterStatus: ['COMPLETED', 'CANCELLED'],
      filterApp: [APP],
      filterFunction: [FUNCTION],
      search: 'event.data.name == "a,b & c"\noutput.total >= 10 || error.message.contains("100%")',
    };
    expect(read(stringifySearch({ ...search }))).toEqual(search);
  });

  it('are told apart from what is shown at first', () => {
    expect(isFiltered({ last: '7d', timeField: 'ENDED_AT' })).toBe(false);
    expect(isAnythingSet({ last: '7d' })).toBe(true);
    expect(isAnythingSet({})).toBe(false);
    expect(isFiltered({ filterStatus: ['FAILED'] })).toBe(true);
    expect(isFiltered({ search: 'output == 1' })).toBe(true);
  });
});
