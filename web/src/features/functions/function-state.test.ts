import { describe, expect, it } from 'vitest';
import { type FunctionState, marksOf, pauseInWords } from './function-state';
import { validFunctionsSearch } from './functions-search';

const FN: FunctionState = {
  id: '8d5a0c1e-5a3b-5b53-9c38-4f1f0a0d8a11',
  slug: 'shop-order',
  name: 'Order',
  archived: false,
  triggers: [],
  pause: null,
  app: { id: 'a', name: 'shop', archived: false, method: 'SERVE' },
};
const pause = { since: '2026-11-21T09:00:00Z', newRuns: 'SKIP', running: 'FINISH' } as const;

describe('marksOf', () => {
  const titles = (changes: Partial<FunctionState>) =>
    marksOf({ ...FN, ...changes }).map(({ title }) => title);

  it('says nothing of a function that goes', () => {
    expect(titles({})).toEqual([]);
  });
  it('tells a pause from a drained app', () => {
    expect(titles({ pause: { ...pause, isDrain: false } })).toEqual(['Paused']);
    expect(titles({ pause: { ...pause, isDrain: true } })).toEqual(['Drained']);
  });
  it('takes a function of a removed app for archived', () => {
    expect(titles({ app: { ...FN.app, archived: true } })).toEqual(['Archived']);
  });
});

describe('pauseInWords', () => {
  it('says what becomes of new runs and of others', () => {
    expect(pauseInWords({ newRuns: 'WAIT', running: 'HOLD' })).toBe(
      'New runs wait until it is resumed; runs that have started stand still.',
    );
    expect(pauseInWords(pause)).toBe('New runs are skipped; runs that have started go on.');
  });
});

describe('the search of the list', () => {
  it('takes what it can use', () => {
    expect(
      validFunctionsSearch({ query: 'order', filterApp: [FN.id, 'x'], archived: 'true' }),
    ).toEqual({ query: 'order', filterApp: [FN.id], archived: true });
  });
  it('understands addresses of older dashboards', () => {
    expect(validFunctionsSearch({ nameSearch: 'order', filterApp: `"[\\"${FN.id}\\"]"` })).toEqual({
      query: 'order',
      filterApp: [FN.id],
    });
  });
  it('leaves out what makes no sense', () => {
    expect(validFunctionsSearch({ filterApp: 'shop', archived: 'maybe', query: ' ' })).toEqual({});
  });
});
