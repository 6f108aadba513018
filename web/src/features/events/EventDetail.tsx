import { Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import { cn } from '~/lib/cn';
import { Fact, Facts } from '~/ui/Card';
import { Id } from '~/ui/Copy';
import { CodeBlock } from '~/ui/code/CodeBlock';
import { ErrorNotice, NotFound } from '~/ui/Notice';
import { Skeleton } from '~/ui/Skeleton';
import { Time } from '~/ui/Time';
import { EventActions } from './EventActions';
import { EventOutcomes, RunLink } from './EventOutcomes';
import { internalLinks } from './internal-links';
import { type EventDetails, useEvent } from './useEvent';

interface EventDetailProps {
  eventId: string;
  /** Within a list: with the actions, and a link to the page of the event. */
  isInline?: boolean;
}

/** An event: its facts, its payload, and what became of it at each function. */
export default function EventDetail({ eventId, isInline = false }: EventDetailProps) {
  const { event, isMissing, error, retry } = useEvent(eventId);
  if (isMissing) return <NotFound what="Event" id={eventId} />;
  if (error && !event) {
    return (
      <div className={cn(isInline && 'p-4')}>
        <ErrorNotice title="The event could not be loaded" error={error} onRetry={retry} />
      </div>
    );
  }
  if (!event) return <Skeleton lines={8} />;
  return (
    <div
      className={cn(
        'grid gap-x-6 gap-y-5 lg:grid-cols-[minmax(0,1fr)_22rem]',
        isInline && 'p-4 sm:px-5',
      )}
    >
      <div className="flex min-w-0 flex-col gap-4">
        {isInline && (
          <div className="flex flex-wrap items-center gap-2">
            <EventActions event={event} isInline />
          </div>
        )}
        <EventFacts event={event} />
        <CodeBlock title="Payload" text={event.raw} fileName={`event-${event.id}.json`} />
      </div>
      <section aria-label="Functions" className="min-w-0">
        <h2 className="mb-2 font-semibold">Functions</h2>
        <div
          className={cn(
            'rounded-lg border border-line bg-surface p-3',
            // Many functions must not make the page endless.
            'max-h-[36rem] overflow-y-auto',
          )}
        >
          <EventOutcomes eventId={event.id} />
        </div>
      </section>
    </div>
  );
}

function EventFacts({ event }: { event: EventDetails }) {
  const { runId, slug } = useMemo(() => internalLinks(event.name, event.raw), [event]);
  return (
    <Facts className="grid-cols-[repeat(auto-fill,minmax(min(100%,15.5rem),1fr))]!">
      <Fact name="Event ID">
        <Id id={event.id} className="max-w-full" />
      </Fact>
      {event.idempotencyKey && event.idempotencyKey !== event.id && (
        <Fact name="Idempotency key">
          <Id id={event.idempotencyKey} className="max-w-full" />
        </Fact>
      )}
      <Fact name="Received">
        <Time at={event.receivedAt} />
      </Fact>
      <Fact name="Time of the event">
        <Time at={event.occurredAt} />
      </Fact>
      {event.version && <Fact name="Version">{event.version}</Fact>}
      {event.source && <Fact name="Source">{event.source.name ?? event.source.sourceKind}</Fact>}
      {runId && (
        <Fact name="Run">
          <RunLink runId={runId} />
        </Fact>
      )}
      {slug && (
        <Fact name="Function">
          <Link
            to="/functions/$slug"
            params={{ slug }}
            className="block truncate text-accent hover:underline"
            title={slug}
          >
            {slug}
          </Link>
        </Fact>
      )}
    </Facts>
  );
}
