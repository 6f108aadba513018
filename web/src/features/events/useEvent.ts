import { graphql, type ResultOf } from '~/lib/graphql';
import { useLiveQuery } from '~/lib/queries';
import { isUlid } from '~/lib/search-params';

const EventDetailsQuery = graphql(`
  query EventDetails($eventId: ULID!) {
    eventsByID(eventIDs: [$eventId]) {
      id
      name
      receivedAt
      occurredAt
      idempotencyKey
      version
      raw
      source { name sourceKind }
    }
  }
`);

export type EventDetails = ResultOf<typeof EventDetailsQuery>['eventsByID'][number];

interface EventAnswer {
  event: EventDetails | undefined;
  /** There is no such event, or not any more. */
  isMissing: boolean;
  error: Error | null;
  retry: () => void;
}

/** An event with its payload. It never changes, so it is asked for once. */
export function useEvent(eventId: string): EventAnswer {
  const isPossible = isUlid(eventId);
  const { data, error, refetch } = useLiveQuery(
    EventDetailsQuery,
    { eventId },
    { isEnabled: isPossible },
  );
  const [event] = data?.eventsByID ?? [];
  return {
    event,
    isMissing: !isPossible || (data !== undefined && event === undefined),
    error,
    retry: () => void refetch(),
  };
}
