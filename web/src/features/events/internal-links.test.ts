import { describe, expect, it } from 'vitest';
import { internalLinks } from './internal-links';

const RUN = '01M7ZMSPV8S17CP575CQNBH2YM';
const linksOf = (name: string, data: unknown) => internalLinks(name, JSON.stringify({ data }));

describe('internalLinks', () => {
  it('lead to the run that has ended and to its function', () => {
    expect(linksOf('inngest/function.finished', { run_id: RUN, function_id: 'shop-ship' })).toEqual(
      { runId: RUN, slug: 'shop-ship' },
    );
  });

  it('lead to the function that is invoked', () => {
    expect(linksOf('inngest/function.invoked', { _inngest: { fn_id: 'shop-ship' } })).toEqual({
      runId: null,
      slug: 'shop-ship',
    });
  });

  it('are none where nothing of that kind is said', () => {
    const none = { runId: null, slug: null };
    expect(linksOf('inngest/scheduled.timer', { cron: '* * * * *' })).toEqual(none);
    expect(linksOf('inngest/function.finished', { run_id: 'x', function_id: 3 })).toEqual(none);
    expect(linksOf('inngest/other', null)).toEqual(none);
    expect(linksOf('shop/order', { run_id: RUN, function_id: 'f' })).toEqual(none);
  });
});
