import { describe, expect, it } from 'vitest';
import { optionGroups, spanInWords } from './option-blocks';
import type { FunctionOptions } from './queries';

const PLAIN: FunctionOptions = {
  configuration: {
    retries: { value: 4, isDefault: true },
    cancellations: [],
    priority: null,
    eventsBatch: null,
    concurrency: [{ scope: 'ACCOUNT', limit: { value: -1, isPlanLimit: true }, key: null }],
    rateLimit: null,
    debounce: null,
    throttle: null,
    singleton: null,
  },
  options: {
    idempotency: null,
    runConcurrency: null,
    startTimeout: null,
    finishTimeout: null,
    batchCondition: null,
    debounceTimeout: null,
    stepsMax: 1_000,
    stateBytesMax: 32 * 1024 * 1024,
  },
};

/** The options of a function, its other ones left as they are: title to rows. */
function rowsOf(changes: {
  configuration?: Partial<FunctionOptions['configuration']>;
  options?: Partial<FunctionOptions['options']>;
}) {
  const groups = optionGroups({
    configuration: { ...PLAIN.configuration, ...changes.configuration },
    options: { ...PLAIN.options, ...changes.options },
  });
  const blocks = groups.flatMap((group) => group.blocks);
  return Object.fromEntries(
    blocks.map(({ title, rows }) => [
      title,
      Object.fromEntries(rows.map(({ name, value }) => [name, value])),
    ]),
  );
}

describe('optionGroups', () => {
  it('always shows retries, limits and concurrency, and marks defaults', () => {
    const groups = optionGroups(PLAIN);
    expect(groups.map(({ title }) => title)).toEqual(['Execution', 'How many at a time']);
    expect(groups[0]?.blocks[0]?.rows[0]).toMatchObject({ value: '4', isDefault: true });
    expect(rowsOf({})).toMatchObject({
      Concurrency: { Limit: 'None of its own' },
      Limits: { 'Steps in a run': '1,000', 'State of a run': '32 MiB' },
    });
  });

  it('numbers what there is more than one of', () => {
    const limit = { value: 3, isPlanLimit: false };
    const rows = rowsOf({
      configuration: {
        concurrency: [
          { scope: 'FUNCTION', limit, key: null },
          { scope: 'ENVIRONMENT', limit, key: 'event.data.customer' },
        ],
        cancellations: [{ event: 'order/cancelled', timeout: '24h0m0s', condition: 'true' }],
      },
    });
    expect(rows['Concurrency 2']).toEqual({
      Limit: '3',
      Counts: 'Steps of the environment',
      Key: 'event.data.customer',
    });
    expect(rows['Cancel on']).toEqual({
      Event: 'order/cancelled',
      If: 'true',
      'Only within': '1 d',
    });
  });

  it('joins what two parts of the API say of one option', () => {
    const rows = rowsOf({
      configuration: {
        debounce: { period: '5s', key: null },
        eventsBatch: { maxSize: 10, timeout: '30s', key: null },
        singleton: { mode: 'CANCEL', key: 'event.data.id' },
        rateLimit: { limit: 5, period: '1m', key: null },
        throttle: { limit: 1, period: '1m30s', burst: 2, key: null },
        priority: '60',
      },
      options: {
        debounceTimeout: '1h',
        batchCondition: 'event.data.isLarge',
        startTimeout: '10s',
        runConcurrency: { limit: 2, key: null },
        idempotency: 'event.data.id',
      },
    });
    expect(rows).toMatchObject({
      Debounce: { 'Quiet for': '5 s', 'At the latest after': '1 h' },
      Batching: { 'Events at most': '10', If: 'event.data.isLarge' },
      Singleton: { 'Another run': 'cancels the one before' },
      'Rate limit': { Limit: '5', In: '1 m' },
      Throttle: { In: '1 m 30 s', Burst: '2' },
      Priority: { Expression: '60' },
      Timeouts: { 'To start': '10 s' },
      'Runs at the same time': { Limit: '2' },
      Idempotency: { Key: 'event.data.id' },
    });
    expect(rows.Timeouts).not.toHaveProperty('To end');
  });
});

describe('spanInWords', () => {
  it.each([
    ['30s', '30 s'],
    ['1h0m0s', '1 h'],
    ['168h0m0s', '7 d'],
    ['1.5s', '1.5 s'],
    ['7d', '7 d'],
    ['whenever', 'whenever'],
    [null, null],
    ['', null],
  ])('%s is %s', (text, words) => {
    expect(spanInWords(text)).toBe(words);
  });
});
