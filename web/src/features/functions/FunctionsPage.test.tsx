import { screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { describe, expect, it, vi } from 'vitest';
import { serve, show } from '~/testing/stage';
import { FunctionsPage } from './FunctionsPage';
import type { ListedFunction } from './FunctionTable';
import { functionOf } from './queries';
import { shownFunctions } from './shown-functions';

const HOURS = Array.from({ length: 24 }, () => 0);

function listed(name: string, changes: Partial<ListedFunction> = {}): ListedFunction {
  return {
    id: name,
    slug: `shop-${name}`,
    name,
    archived: false,
    triggers: [{ type: 'EVENT', value: `shop/${name}`, condition: null }],
    pause: null,
    app: { id: 'shop', name: 'shop', archived: false, method: 'SERVE' },
    recent: { ended: HOURS, failed: HOURS, endedTotal: 0, failedTotal: 0 },
    ...changes,
  };
}

const answer = (nodes: ListedFunction[]) => ({
  Shell: { data: { server: { version: '1', kind: 'dev' }, apps: [] } },
  FunctionTable: { data: { functionList: { totalCount: nodes.length, nodes } } },
});

describe('FunctionsPage', () => {
  it('shows volume, failures and state, sorted by name', async () => {
    const recent = { ended: HOURS, failed: HOURS, endedTotal: 40, failedTotal: 10 };
    const pause = { since: '', newRuns: 'SKIP', running: 'FINISH', isDrain: false } as const;
    serve(answer([listed('refund', { recent }), listed('order', { pause })]));
    // Only rows in sight are drawn, and jsdom has no layout.
    vi.spyOn(Element.prototype, 'clientHeight', 'get').mockReturnValue(800);
    show(<FunctionsPage search={{}} onSearch={() => {}} />);
    await screen.findByRole('link', { name: 'order' });
    const [, first, second] = screen.getAllByRole('row');
    expect(first).toHaveTextContent('order');
    expect(first).toHaveTextContent('Paused');
    expect(second).toHaveTextContent('25%');
    const link = within(second as HTMLElement).getByRole('link', { name: 'refund' });
    expect(link).toHaveAttribute('href', '/functions/shop-refund');
  });

  it('searches once typing pauses', async () => {
    const asked = serve(answer([]));
    const onSearch = vi.fn();
    show(<FunctionsPage search={{ archived: true }} onSearch={onSearch} />);
    await userEvent.type(await screen.findByRole('searchbox'), 'ord');
    await waitFor(() => expect(onSearch).toHaveBeenCalledTimes(1));
    expect(onSearch).toHaveBeenCalledWith({ archived: true, query: 'ord' });
    expect(asked.find(({ name }) => name === 'FunctionTable')?.variables).toMatchObject({
      includeArchived: true,
    });
  });

  it('tells an empty server from a search without hits', async () => {
    serve(answer([]));
    show(<FunctionsPage search={{}} onSearch={() => {}} />);
    expect(await screen.findByText('No functions yet')).toBeVisible();
  });

  it('offers to clear the filters', async () => {
    serve(answer([]));
    const onSearch = vi.fn();
    show(<FunctionsPage search={{ query: 'zzz' }} onSearch={onSearch} />);
    await userEvent.click(await screen.findByRole('button', { name: 'Clear the filters' }));
    expect(onSearch).toHaveBeenCalledWith({ archived: undefined });
  });

  it('shows why it failed', async () => {
    serve({ ...answer([]), FunctionTable: { errors: [{ message: 'store unavailable' }] } });
    show(<FunctionsPage search={{}} onSearch={() => {}} />);
    expect(await screen.findByText('store unavailable')).toBeVisible();
  });
});

describe('shownFunctions', () => {
  const names = (functions: ListedFunction[]) => functions.map(({ name }) => name);

  it('sorts numbers as numbers', () => {
    const functions = [listed('step 10'), listed('Step 2'), listed('apply')];
    const shown = shownFunctions(functions, { apps: [], archived: false });
    expect(names(shown)).toEqual(['apply', 'Step 2', 'step 10']);
  });
  it('leaves out archived functions and those of other apps', () => {
    const elsewhere = { id: 'other', name: 'other', archived: false, method: 'SERVE' } as const;
    const functions = [
      listed('a', { archived: true }),
      listed('b', { app: elsewhere }),
      listed('c'),
    ];
    expect(names(shownFunctions(functions, { apps: ['shop'], archived: false }))).toEqual(['c']);
    expect(names(shownFunctions(functions, { apps: [], archived: true }))).toHaveLength(3);
  });
});

describe('functionOf', () => {
  it('prefers the active one of two with the same slug', () => {
    const old = listed('order', { id: 'old', archived: true });
    expect(functionOf([old, listed('order')], 'shop-order')?.id).toBe('order');
    expect(functionOf([old], 'shop-order')?.id).toBe('old');
    expect(functionOf([old], 'shop-orde')).toBeNull();
  });
});
