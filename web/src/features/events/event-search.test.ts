import { describe, expect, it } from 'vitest';
import { parseSearch, stringifySearch } from '~/lib/search-codec';
import { type EventsSearch, isAnythingSet, isFiltered, validEventsSearch } from './event-search';

const read = (address: string) => validEventsSearch(parseSearch(address));

describe('the list of events in the address', () => {
  it.each<[string, EventsSearch]>([
    ['', {}],
    ['?filterEvent=shop/order', { filterEvent: ['shop/order'] }],
    ['?filterEvent=a,b,a', { filterEvent: ['a', 'b'] }],
    ['?filterEvent=%22%5B%5C%22a%2Fb%5C%22%5D%22', { filterEvent: ['a/b'] }],
    ['?filterEvent=["a","b"]', { filterEvent: ['a', 'b'] }],
    ['?filterEvent=', {}],
    ['?includeInternal=true', { includeInternal: true }],
    ['?includeInternal=%22true%22', { includeInternal: true }],
    ['?includeInternal=false&last=soon', {}],
    ['?search=event.name+==+"a"%0A%0A', { search: 'event.name == "a"' }],
    ['?last=7d&filterStatus=FAILED', { last: '7d' }],
  ])('%s is understood', (address, expected) => {
    expect(read(address)).toEqual(expected);
  });

  it('comes back from what is written', () => {
    const search: EventsSearch = {
      last: '3d',
      filterEvent: ['shop/order.paid', 'with, comma & more'],
      includeInternal: true,
      search: 'event.data.total > 1\nevent.v == "2"',
    };
    const address = stringifySearch(search as Record<string, unknown>);
    expect(address).toContain('filterEvent=shop/order.paid,with%2C+comma');
    expect(read(address)).toEqual(search);
  });

  it('has no more names than the server takes', () => {
    const names = Array.from({ length: 120 }, (_, index) => `e${index}`).join(',');
    expect(read(`?filterEvent=${names}`).filterEvent).toHaveLength(100);
  });
});

it('tells filters from the rest', () => {
  expect(isFiltered({ last: '3d', includeInternal: true })).toBe(false);
  expect(isFiltered({ filterEvent: ['a'] })).toBe(true);
  expect(isAnythingSet({})).toBe(false);
  expect(isAnythingSet({ includeInternal: true })).toBe(true);
});
