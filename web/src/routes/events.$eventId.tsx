import { createFileRoute } from '@tanstack/react-router';
import { EventPage } from '~/features/events/EventPage';

export const Route = createFileRoute('/events/$eventId')({ component: OneEvent });

function OneEvent() {
  const { eventId } = Route.useParams();
  return <EventPage eventId={eventId.toUpperCase()} />;
}
