import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useEvent } from '~/features/events/useEvent';
import { Card, Fact, Facts } from '~/ui/Card';
import { MiniBars } from '~/ui/charts/MiniBars';
import { CodeBlock } from '~/ui/code/CodeBlock';
import { ErrorNotice } from '~/ui/Notice';
import { Skeleton } from '~/ui/Skeleton';
import { Badge } from '~/ui/Status';
import { RelativeTime } from '~/ui/Time';
import { RecentEvents } from './RecentEvents';
import type { KnownEventType, ListeningFunction } from './useEventType';
import { volumeOf } from './volume';

/** Who listens to events of a name, which came last, and what they look like. */
export function EventTypeDetail({ type }: { type: KnownEventType }) {
  const { name, lastReceivedAt, lastEventId, functions } = type;
  const volume = type.volume && volumeOf(type.volume);
  return (
    <div className="flex flex-col gap-4">
      <Facts className="rounded-lg border border-line bg-surface px-4 py-3">
        <Fact name="Last received">
          <RelativeTime at={lastReceivedAt} />
        </Fact>
        <Fact name="Last 24 hours">
          {volume ? (
            <span className="flex items-center gap-3 tabular-nums">
              {volume.total.toLocaleString()}
              <MiniBars label={volume.label} stacks={volume.stacks} />
            </span>
          ) : lastReceivedAt ? (
            'Too many to be counted'
          ) : (
            '0'
          )}
        </Fact>
        <Fact name="Functions">{functions.length}</Fact>
      </Facts>
      <div className="grid gap-4 lg:grid-cols-2">
        <div className="flex min-w-0 flex-col gap-4">
          <Listeners functions={functions} name={name} />
          <RecentEvents name={name} />
        </div>
        <div className="min-w-0">
          {lastEventId ? (
            <Example key={name} lastEventId={lastEventId} />
          ) : (
            <p className="rounded-lg border border-line bg-surface p-4 text-ink-soft">
              No event of this name is there, so nobody knows what its data looks like.
            </p>
          )}
        </div>
      </div>
    </div>
  );
}

function Listeners({ functions, name }: { functions: readonly ListeningFunction[]; name: string }) {
  return (
    <Card title="Functions that listen">
      {functions.length === 0 ? (
        <p className="p-4 text-ink-soft">No function listens to it: its events start nothing.</p>
      ) : (
        <ul className="max-h-96 divide-y divide-line overflow-y-auto">
          {functions.map((each) => (
            <li key={each.id} className="px-4 py-2.5">
              <div className="flex min-w-0 items-center justify-between gap-3">
                <Link
                  to="/functions/$slug"
                  params={{ slug: each.slug }}
                  title={each.name}
                  className="min-w-0 truncate font-medium hover:underline"
                >
                  {each.name}
                </Link>
                <span className="flex shrink-0 items-center gap-2 text-ink-soft text-xs">
                  {each.pause && <Badge tone="waiting">Paused</Badge>}
                  <span className="max-w-40 truncate">{each.app.name || each.app.externalID}</span>
                </span>
              </div>
              <Conditions listener={each} name={name} />
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

/** Under which conditions events of the name start the function. */
function Conditions({ listener, name }: { listener: ListeningFunction; name: string }) {
  const conditions = (listener.triggers ?? []).filter(
    ({ type, value, condition }) =>
      type === 'EVENT' && condition && (value === name || value.endsWith('*')),
  );
  return conditions.map(({ value, condition }) => (
    <code
      key={`${value} ${condition}`}
      className="mt-1 block break-words font-mono text-ink-soft text-xs"
    >
      if {condition}
    </code>
  ));
}

/** An event of the type; the same while it is looked at, even if newer ones come. */
function Example({ lastEventId }: { lastEventId: string }) {
  const [eventId] = useState(lastEventId);
  const { event, isMissing, error, retry } = useEvent(eventId);
  if (error && !event) {
    return <ErrorNotice title="The event could not be loaded" error={error} onRetry={retry} />;
  }
  if (isMissing) return <p className="text-ink-soft">The event was deleted meanwhile.</p>;
  if (!event) return <Skeleton lines={8} />;
  return (
    <CodeBlock
      title={<h2 className="inline">An event of this type</h2>}
      text={event.raw}
      fileName={`event-${event.id}.json`}
    />
  );
}
