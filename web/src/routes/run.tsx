import { createFileRoute, redirect } from '@tanstack/react-router';
import { text } from '~/lib/search-params';

/** Links of older dashboards: `/run?runID=…`. */
export const Route = createFileRoute('/run')({
  validateSearch: (search): { runID?: string | undefined } => ({ runID: text(search.runID) }),
  beforeLoad: ({ search }) => {
    if (!search.runID) throw redirect({ to: '/runs', replace: true });
    throw redirect({ to: '/runs/$runId', params: { runId: search.runID }, replace: true });
  },
});
