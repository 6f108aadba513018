import { Link } from '@tanstack/react-router';
import { RunPills } from '~/features/events/RunPills';
import { graphql } from '~/lib/graphql';
import { useLiveQuery } from '~/lib/queries';
import { Card } from '~/ui/Card';
import { ErrorNotice } from '~/ui/Notice';
import { Skeleton } from '~/ui/Skeleton';
import { Time } from '~/ui/Time';

const RecentEventsQuery = graphql(`
  query RecentEvents($names: [String!]!) {
    eventsV2(
      first: 10
      filter: { from: "1970-01-02T00:00:00Z", eventNames: $names, includeInternalEvents: true }
    ) {
      edges { node { id receivedAt runs { id status function { name } } } }
    }
  }
`);

/** The latest events of a name with what they started. */
export function RecentEvents({ name }: { name: string }) {
  const { data, error, refetch } = useLiveQuery(
    RecentEventsQuery,
    { names: [name] },
    { changedBy: () => true },
  );
  const events = data?.eventsV2.edges.map(({ node }) => node);
  return (
    <Card
      title="Latest events"
      actions={
        <Link
          to="/events"
          search={{ filterEvent: [name] }}
          className="text-accent text-xs hover:underline"
        >
          See all
        </Link>
      }
    >
      {error && !events && (
        <div className="p-3">
          <ErrorNotice
            title="The events could not be loaded"
            error={error}
            onRetry={() => void refetch()}
          />
        </div>
      )}
      {!events && !error && <Skeleton lines={4} />}
      {events?.length === 0 && <p className="p-4 text-ink-soft">There are none.</p>}
      {events && events.length > 0 && (
        <ul className="divide-y divide-line">
          {events.map(({ id, receivedAt, runs }) => (
            <li key={id} className="flex h-10 min-w-0 items-center justify-between gap-4 px-4">
              <Link
                to="/events/$eventId"
                params={{ eventId: id }}
                title={`Open event ${id}`}
                className="shrink-0 text-accent hover:underline"
              >
                <Time at={receivedAt} isShort />
              </Link>
              <RunPills runs={runs} />
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
