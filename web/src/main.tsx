import { CSPProvider } from '@base-ui/react/csp-provider';
import { QueryClientProvider } from '@tanstack/react-query';
import { createRouter, RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { PageError, PageNotFound } from './features/shell/PageError';
import { SignIn } from './features/shell/SignIn';
import { basePath, config } from './lib/config';
import { queryClient } from './lib/queries';
import { isSignedIn } from './lib/request';
import { parseSearch, stringifySearch } from './lib/search-codec';
import { routeTree } from './routeTree.gen';
import './styles.css';
import { Skeleton } from './ui/Skeleton';

const router = createRouter({
  routeTree,
  basepath: basePath || '/',
  parseSearch,
  stringifySearch,
  // What no page knows is left out of the address, and of what pages are given.
  search: { strict: true },
  defaultPreload: 'intent',
  scrollRestoration: true,
  defaultErrorComponent: PageError,
  defaultNotFoundComponent: PageNotFound,
  defaultPendingComponent: () => <Skeleton lines={8} />,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}

const needsSignIn = config.auth === 'session' && !config.signedIn && !(await isSignedIn());
const root = document.getElementById('root');
if (root) {
  createRoot(root).render(
    <StrictMode>
      <CSPProvider nonce={config.nonce}>
        <QueryClientProvider client={queryClient}>
          {needsSignIn ? <SignIn /> : <RouterProvider router={router} />}
        </QueryClientProvider>
      </CSPProvider>
    </StrictMode>,
  );
}
