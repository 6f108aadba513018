import { createFileRoute } from '@tanstack/react-router';
import { EventTypePage } from '~/features/event-types/EventTypePage';

/** Slashes in the name are written as %2F. */
export const Route = createFileRoute('/event-types/$name')({ component: EventType });

function EventType() {
  return <EventTypePage name={Route.useParams().name} />;
}
