import { Link } from '@tanstack/react-router';
import { Page } from '~/ui/Page';
import { Badge } from '~/ui/Status';
import { isInternalName } from './draft';
import { EventActions } from './EventActions';
import EventDetail from './EventDetail';
import { useEvent } from './useEvent';

/** The page of one event. */
export function EventPage({ eventId }: { eventId: string }) {
  const { event } = useEvent(eventId);
  return (
    <Page
      title={event ? <span title={event.name}>{event.name}</span> : 'Event'}
      documentTitle={event ? `${event.name} · ${event.id}` : 'Event'}
      above={[
        <Link key="events" to="/events">
          Events
        </Link>,
      ]}
      beside={event && isInternalName(event.name) && <Badge>Internal</Badge>}
      actions={event && <EventActions event={event} />}
    >
      <EventDetail eventId={eventId} />
    </Page>
  );
}
