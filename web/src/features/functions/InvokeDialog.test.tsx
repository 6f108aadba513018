import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import {
  createMemoryHistory,
  createRootRoute,
  createRoute,
  createRouter,
  RouterProvider,
} from '@tanstack/react-router';
import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import InvokeDialog from './InvokeDialog';

interface Asked {
  query: string;
  variables: Record<string, unknown>;
}

/** Answers GraphQL by the name of the operation; remembers what was asked. */
function serve(answers: Record<string, unknown>): Asked[] {
  const asked: Asked[] = [];
  vi.stubGlobal('fetch', async (_: string, init: RequestInit) => {
    const body = JSON.parse(String(init.body)) as Asked;
    asked.push(body);
    const [, name = ''] = /(?:query|mutation) (\w+)/.exec(body.query) ?? [];
    return new Response(JSON.stringify(answers[name]), { status: 200 });
  });
  return asked;
}

function show(onClose = () => {}, initialData?: unknown) {
  const root = createRootRoute();
  const here = createRoute({
    getParentRoute: () => root,
    path: '/',
    component: () => <InvokeDialog slug="shop-order" initialData={initialData} onClose={onClose} />,
  });
  const run = createRoute({
    getParentRoute: () => root,
    path: '/runs/$runId',
    component: () => <p>Run page</p>,
  });
  const router = createRouter({
    routeTree: root.addChildren([here, run]),
    history: createMemoryHistory({ initialEntries: ['/'] }),
  });
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  render(
    <QueryClientProvider client={client}>
      {/* biome-ignore lint/suspicious/noExplicitAny: the test has routes of its own */}
      <RouterProvider router={router as any} />
    </QueryClientProvider>,
  );
  return router;
}

const ORDER = {
  name: 'Order',
  triggers: [{ type: 'EVENT' }],
  app: { method: 'SERVE' },
  pause: null,
};
const known = (changes: object = {}) => ({ data: { functionBySlug: { ...ORDER, ...changes } } });

describe('InvokeDialog', () => {
  beforeEach(() => localStorage.clear());

  it('invokes with the data and opens the run', async () => {
    const asked = serve({
      InvokedFunction: known(),
      Invoke: { data: { invoke: { eventID: 'E', runID: 'R' } } },
    });
    const router = show(() => {}, { order: 17 });
    await userEvent.click(await screen.findByRole('button', { name: 'Invoke and open the run' }));
    expect(await screen.findByText('Run page')).toBeVisible();
    expect(router.state.location.pathname).toBe('/runs/R');
    expect(asked.at(-1)?.variables).toEqual({ slug: 'shop-order', data: { order: 17 } });
  });

  it('sends no data to a function that only a schedule starts', async () => {
    const asked = serve({
      InvokedFunction: known({ triggers: [{ type: 'CRON' }] }),
      Invoke: { data: { invoke: { eventID: 'E', runID: 'R' } } },
    });
    const onClose = vi.fn();
    show(onClose);
    await userEvent.click(await screen.findByRole('button', { name: 'Invoke and stay here' }));
    await vi.waitFor(() => expect(onClose).toHaveBeenCalled());
    expect(asked.at(-1)?.variables.data).toEqual({});
  });

  it('says that a paused function skips the run', async () => {
    serve({ InvokedFunction: known({ pause: { newRuns: 'SKIP' } }) });
    show();
    expect(await screen.findByText(/recorded as skipped/)).toBeVisible();
  });

  it('shows why it was refused and stays open', async () => {
    serve({
      InvokedFunction: known(),
      Invoke: { data: null, errors: [{ message: 'function not found' }] },
    });
    const onClose = vi.fn();
    show(onClose, {});
    await userEvent.click(await screen.findByRole('button', { name: 'Invoke and stay here' }));
    expect(await screen.findByText('function not found')).toBeVisible();
    expect(onClose).not.toHaveBeenCalled();
  });
});
