import { act, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Asked, serve, show } from '~/testing/stage';
import { RunsList } from './RunsList';
import type { RunsSearch } from './run-search';
import type { RunRow, RunsScope } from './run-source';

const idOf = (number: number) => `01M7ZNTVN4FAZ6WZQ7CEK${String(number).padStart(5, '0')}`;

function run(number: number, given: Partial<RunRow> = {}): RunRow {
  return {
    id: idOf(number),
    status: 'COMPLETED',
    queuedAt: '2026-11-21T09:00:00.000Z',
    startedAt: '2026-11-21T09:00:01.000Z',
    endedAt: '2026-11-21T09:00:03.500Z',
    eventName: 'shop/order.placed',
    isBatch: false,
    cronSchedule: null,
    hasAI: false,
    app: { id: 'app', name: 'shop', externalID: 'shop' },
    function: { id: 'f1', name: 'Fulfil order', slug: 'shop-fulfil' },
    ...given,
  };
}

/** The server's runs, newest first; tests change them. */
let runs: RunRow[] = [];
let isComplete = true;
let error: object | null = null;
let socket: { onmessage?: (message: { data: string }) => void } = {};

function page({ first, after }: Record<string, unknown>) {
  if (error) return { errors: [error] };
  const start = Number(after ?? 0);
  const end = start + Number(first);
  const hasNextPage = end < runs.length || !isComplete;
  const edges = runs.slice(start, end).map((node) => ({ node }));
  return {
    data: { runs: { edges, pageInfo: { hasNextPage, endCursor: String(end) }, isComplete } },
  };
}

function shown(search: RunsSearch = {}, scope: RunsScope = 'env') {
  const asked = serve({
    Runs: page,
    RunsCount: () => ({ data: { runs: { totalCount: runs.length, totalCountIsExact: true } } }),
    RunsByID: ({ runIDs }) => ({
      data: { runsByID: runs.filter(({ id }) => (runIDs as string[]).includes(id)) },
    }),
    Shell: {
      data: {
        server: {
          version: '1',
          kind: 'dev',
          appCount: 1,
          functionCount: 1,
          environment: { id: 'e', name: 'default' },
        },
        apps: [],
      },
    },
    FunctionNames: { data: { functionList: { nodes: [] } } },
    CancelRuns: ({ runIDs }) => ({
      data: {
        cancelRuns: (runIDs as string[]).map((runID) => ({
          runID,
          ok: runID !== idOf(2),
          code: runID === idOf(2) ? 'unavailable' : null,
          message: runID === idOf(2) ? 'The run is busy.' : null,
        })),
      },
    }),
  });
  vi.stubGlobal(
    'WebSocket',
    class {
      onmessage?: (message: { data: string }) => void;
      constructor() {
        socket = this;
      }
      close() {}
    },
  );
  const onSearch = vi.fn();
  show(<RunsList scope={scope} search={search} onSearch={onSearch} />);
  return { asked, onSearch };
}

const named = (asked: Asked[], name: string) => asked.filter((each) => each.name === name);

async function tell(changed: number[]) {
  const ids = Object.fromEntries(changed.map((number) => [idOf(number), 'f1']));
  const message = { type: 'changes', runs: ids, events: [], apps: false, cut: false };
  await act(async () => socket.onmessage?.({ data: JSON.stringify(message) }));
}

const ids = () =>
  screen.getAllByRole('link', { name: /^01M7/ }).map((link) => Number(link.textContent?.slice(-5)));

beforeEach(() => {
  localStorage.clear();
  runs = [run(3, { status: 'RUNNING', endedAt: null }), run(2, { status: 'FAILED' }), run(1)];
  isComplete = true;
  error = null;
  vi.stubGlobal('matchMedia', () => ({
    matches: false,
    addEventListener: () => {},
    removeEventListener: () => {},
  }));
  // A window of some rows, in which rows have no height of their own.
  vi.spyOn(HTMLElement.prototype, 'clientHeight', 'get').mockReturnValue(600);
  vi.spyOn(HTMLElement.prototype, 'clientWidth', 'get').mockReturnValue(1000);
  HTMLElement.prototype.scrollTo = () => {};
});
afterEach(() => vi.unstubAllGlobals());

describe('RunsList', () => {
  it('shows what runs are', async () => {
    const { asked } = shown({ last: '1h', filterStatus: ['FAILED'], search: 'output == 1' });
    expect(await screen.findByRole('link', { name: idOf(2) })).toHaveAttribute(
      'href',
      `/runs/${idOf(2)}`,
    );
    const table = within(screen.getByRole('table'));
    expect(table.getByText('Failed')).toBeVisible();
    expect(table.getAllByText('2.5 s')).toHaveLength(2);
    expect(await screen.findByText('3 runs')).toBeVisible();
    expect(screen.getByRole('table')).toHaveAttribute('aria-rowcount', '4');
    const [first] = named(asked, 'Runs');
    expect(first?.variables).toMatchObject({
      after: null,
      orderBy: [{ field: 'QUEUED_AT', direction: 'DESC' }],
      filter: { status: ['FAILED'], query: 'output == 1', until: null },
    });
  });

  it('puts new runs in while nobody reads', async () => {
    shown();
    await screen.findByText('Failed');
    runs = [run(4), ...runs];
    await tell([4]);
    await waitFor(() => expect(ids()).toEqual([4, 3, 2, 1]));
  });

  it('announces new runs while something is selected', async () => {
    shown();
    await userEvent.click(await screen.findByRole('checkbox', { name: `Select run ${idOf(2)}` }));
    runs = [run(5), run(4), ...runs];
    await tell([4, 5]);
    const button = await screen.findByRole('button', { name: '2 new runs' });
    expect(ids()).toEqual([3, 2, 1]);
    await userEvent.click(button);
    await waitFor(() => expect(ids()).toEqual([5, 4, 3, 2, 1]));
    expect(screen.getByRole('checkbox', { name: `Select run ${idOf(2)}` })).toBeChecked();
  });

  it('asks for a run that changed by its id, and nothing else', async () => {
    const { asked } = shown();
    await screen.findByText('Running');
    const pages = named(asked, 'Runs').length;
    runs = [run(3, { status: 'CANCELLED' }), run(2, { status: 'FAILED' }), run(1)];
    await tell([3]);
    expect(await screen.findByText('Cancelled')).toBeVisible();
    expect(named(asked, 'RunsByID').map(({ variables }) => variables)).toEqual([
      { runIDs: [idOf(3)] },
    ]);
    expect(named(asked, 'Runs')).toHaveLength(pages);
  });

  it('does not care for runs of other functions', async () => {
    const { asked } = shown({}, { functionSlug: 'shop-pay', functionId: 'f2' });
    await screen.findByText('Failed');
    await tell([9]);
    expect(named(asked, 'Runs')).toHaveLength(1);
    expect(screen.queryByRole('columnheader', { name: 'Function' })).toBeNull();
  });

  it('says what went wrong, and tries again', async () => {
    error = { message: 'The store is away.' };
    shown();
    expect(await screen.findByRole('alert')).toHaveTextContent('The store is away.');
    error = null;
    await userEvent.click(screen.getByRole('button', { name: 'Try again' }));
    expect(await screen.findByText('Failed')).toBeVisible();
  });

  it('tells a search that means nothing from a failure', async () => {
    const extensions = { code: 'SEARCH_INVALID', reason: 'no such word', line: 1, column: 1 };
    error = { message: 'error retrieving runs', extensions };
    const { onSearch } = shown({ last: '7d', search: 'what ==' });
    expect(await screen.findByText('This search cannot be understood')).toBeVisible();
    await userEvent.click(screen.getByRole('button', { name: 'Remove the search' }));
    expect(onSearch).toHaveBeenCalledWith({ last: '7d' });
  });

  it('offers a way out where nothing matches', async () => {
    runs = [];
    const { onSearch } = shown({ last: '1h', filterStatus: ['FAILED'] });
    expect(await screen.findByText('No run matches')).toBeVisible();
    await userEvent.click(screen.getByRole('button', { name: 'Clear filters' }));
    expect(onSearch).toHaveBeenLastCalledWith({ last: '1h' });
    await userEvent.click(screen.getByRole('button', { name: 'Look at 30 days' }));
    expect(onSearch).toHaveBeenLastCalledWith({ last: '30d', filterStatus: ['FAILED'] });
  });

  it('searches on only when asked where a search gave up', async () => {
    isComplete = false;
    const { asked } = shown({ search: 'output == 1' });
    const further = await screen.findByRole('button', { name: 'Search on' });
    expect(named(asked, 'Runs')).toHaveLength(1);
    isComplete = true;
    await userEvent.click(further);
    await waitFor(() => expect(screen.queryByRole('button', { name: 'Search on' })).toBeNull());
    expect(named(asked, 'Runs')).toHaveLength(2);
  });

  it('cancels what has not ended, and says what could not be', async () => {
    runs = [3, 2, 1].map((number) => run(number, { status: 'RUNNING', endedAt: null }));
    runs[2] = run(1);
    const { asked } = shown();
    await screen.findAllByText('Running');
    await userEvent.click(screen.getByRole('checkbox', { name: 'Select all that are loaded' }));
    await userEvent.click(screen.getByRole('button', { name: 'Cancel 2' }));
    const dialog = await screen.findByRole('dialog', { name: 'Cancel runs' });
    expect(dialog).toHaveTextContent('1 run of the selection ended before');
    await userEvent.click(within(dialog).getByRole('button', { name: 'Cancel 2 runs' }));
    expect(await within(dialog).findByText(/The run is busy/)).toBeVisible();
    expect(dialog).toHaveTextContent('1 run cancelled');
    expect(named(asked, 'CancelRuns')[0]?.variables).toEqual({ runIDs: [idOf(3), idOf(2)] });
  });

  it('is walked through, selected and opened by keys', async () => {
    shown();
    await screen.findByText('Failed');
    screen.getByRole('region', { name: 'Runs' }).focus();
    await userEvent.keyboard('jjx');
    expect(screen.getByRole('checkbox', { name: `Select run ${idOf(2)}` })).toBeChecked();
    await userEvent.keyboard('{ArrowUp}{Enter}');
    const opener = screen.getByRole('button', { name: `Details of run ${idOf(3)}` });
    expect(opener).toHaveFocus();
    expect(opener).toHaveAttribute('aria-expanded', 'true');
  });

  it('remembers which columns were chosen', async () => {
    shown();
    await screen.findByText('Failed');
    expect(screen.queryByRole('columnheader', { name: 'Ended' })).toBeNull();
    await userEvent.click(screen.getByRole('button', { name: 'Columns' }));
    await userEvent.click(await screen.findByRole('menuitemcheckbox', { name: 'Ended' }));
    expect(screen.getByRole('columnheader', { name: 'Ended', hidden: true })).toBeInTheDocument();
    expect(localStorage.getItem('stepwell.columns.runs.env')).toContain('endedAt');
  });
});
