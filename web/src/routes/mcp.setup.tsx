import { createFileRoute, redirect } from '@tanstack/react-router';

/** Links of older dashboards. */
export const Route = createFileRoute('/mcp/setup')({
  beforeLoad: () => {
    throw redirect({ to: '/endpoints', replace: true });
  },
});
