import { createFileRoute, redirect } from '@tanstack/react-router';
import { text } from '~/lib/search-params';

/** Links of older dashboards: `/event?eventID=…`. */
export const Route = createFileRoute('/event')({
  validateSearch: (search): { eventID?: string | undefined } => ({ eventID: text(search.eventID) }),
  beforeLoad: ({ search }) => {
    if (!search.eventID) throw redirect({ to: '/events', replace: true });
    throw redirect({ to: '/events/$eventId', params: { eventId: search.eventID }, replace: true });
  },
});
