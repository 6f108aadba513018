import { describe, expect, it } from 'vitest';
import { parseSearch, stringifySearch } from './search-codec';

describe('stringifySearch', () => {
  it('writes lists with commas and leaves out what is empty', () => {
    expect(
      stringifySearch({
        filterStatus: ['FAILED', 'RUNNING'],
        last: '3d',
        search: '',
        none: undefined,
        empty: [],
        off: false,
      }),
    ).toBe('?filterStatus=FAILED,RUNNING&last=3d');
  });

  it('writes nothing when nothing is set', () => {
    expect(stringifySearch({})).toBe('');
  });

  it('keeps paths readable and hides what would be misread', () => {
    expect(stringifySearch({ name: 'shop/order placed', text: 'a,b&c=d#e+f' })).toBe(
      '?name=shop/order+placed&text=a%2Cb%26c%3Dd%23e%2Bf',
    );
  });
});

describe('parseSearch', () => {
  it.each([
    [{ filterStatus: ['FAILED', 'RUNNING'], last: '3d' }],
    [{ search: 'event.data.total > 5 && event.name == "a,b"\noutput.ok == true' }],
    [{ names: ['a,b', 'ü/ö', '100%', '+'] }],
  ])('reads what was written: %j', (search) => {
    expect(parseSearch(stringifySearch(search))).toEqual(search);
  });

  it('gathers repeated parameters', () => {
    expect(parseSearch('?a=1&b=x&a=2,3')).toEqual({ a: ['1', '2', '3'], b: 'x' });
  });

  it('takes nonsense as it stands', () => {
    expect(parseSearch('?a=%E0%A4%A&&=&b')).toEqual({ a: '%E0%A4%A', '': '', b: '' });
  });
});
