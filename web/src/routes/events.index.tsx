import { createFileRoute } from '@tanstack/react-router';
import { useMemo } from 'react';
import { EventsPage } from '~/features/events/EventsPage';
import { type EventsSearch, validEventsSearch } from '~/features/events/event-search';
import { flag } from '~/lib/search-params';

interface EventsPageSearch extends EventsSearch {
  /** Opens the editor for events. */
  send?: true | undefined;
}

export const Route = createFileRoute('/events/')({
  validateSearch: (raw): EventsPageSearch => ({
    ...validEventsSearch(raw),
    send: flag(raw.send),
  }),
  component: Events,
});

function Events() {
  const { send, ...listed } = Route.useSearch();
  const navigate = Route.useNavigate();
  // The list begins again when its search is another object.
  const key = JSON.stringify(listed);
  const search = useMemo(() => JSON.parse(key) as EventsSearch, [key]);
  return (
    <EventsPage
      search={search}
      onSearch={(search) => void navigate({ search, replace: true })}
      isSending={send ?? false}
      onSending={(isSending) =>
        void navigate({ search: { ...search, send: isSending || undefined }, replace: true })
      }
    />
  );
}
