/** What components need around them in tests: a router, a server, no socket. */
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import {
  createMemoryHistory,
  createRootRoute,
  createRoute,
  createRouter,
  RouterProvider,
} from '@tanstack/react-router';
import { render } from '@testing-library/react';
import type { ReactNode } from 'react';
import { vi } from 'vitest';

export interface Asked {
  name: string;
  variables: Record<string, unknown>;
  /** The body as it was sent. */
  body: string;
}

/** An answer, or what gives one. */
type Answer = object | ((variables: Record<string, unknown>) => object);

/** Answers GraphQL by the name of the operation; remembers what was asked. There is no socket. */
export function serve(answers: Record<string, Answer>): Asked[] {
  const asked: Asked[] = [];
  vi.stubGlobal('fetch', async (_: string, init: RequestInit) => {
    const body = String(init.body);
    const { query, variables } = JSON.parse(body) as Asked & { query: string };
    const [, name = ''] = /(?:query|mutation) (\w+)/.exec(query) ?? [];
    asked.push({ name, variables, body });
    const answer = answers[name];
    return Response.json(typeof answer === 'function' ? answer(variables) : answer);
  });
  vi.stubGlobal(
    'WebSocket',
    class {
      close() {}
    },
  );
  return asked;
}

/** Shows a component on a page; links to other places lead to their address. */
export function show(component: ReactNode) {
  vi.stubGlobal('scrollTo', () => {});
  const root = createRootRoute();
  const here = createRoute({ getParentRoute: () => root, path: '/', component: () => component });
  const elsewhere = createRoute({
    getParentRoute: () => root,
    path: '$',
    component: () => <p>Elsewhere</p>,
  });
  const router = createRouter({
    routeTree: root.addChildren([here, elsewhere]),
    history: createMemoryHistory({ initialEntries: ['/'] }),
  });
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  render(
    <QueryClientProvider client={client}>
      {/* biome-ignore lint/suspicious/noExplicitAny: tests have routes of their own */}
      <RouterProvider router={router as any} />
    </QueryClientProvider>,
  );
  return router;
}
