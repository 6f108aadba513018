import { Link } from '@tanstack/react-router';
import { Send } from 'lucide-react';
import { useState } from 'react';
import { graphql } from '~/lib/graphql';
import { useLiveQuery, useRequest } from '~/lib/queries';
import { isEnded } from '~/lib/status';
import { Button, buttonClass } from '~/ui/Button';
import { Snippet } from '~/ui/code/Snippet';
import { ErrorNotice, Notice } from '~/ui/Notice';
import { StatusText } from '~/ui/Status';
import type { AppDetails } from '../apps/queries';
import { FIRST_EVENT } from './frameworks';

const SendFirstEventMutation = graphql(`
  mutation SendFirstEvent($event: Map!) { sendEvents(events: [$event]) }
`);
const FirstEventRunsQuery = graphql(`
  query FirstEventRuns($id: ULID!) {
    eventV2(id: $id) { runs { id status output function { name } } }
  }
`);

/** Sends the event that the app waits for, and leads to the run it starts. */
export function FirstEvent({ app }: { app: AppDetails | null }) {
  const send = useRequest(SendFirstEventMutation);
  const [eventId, setEventId] = useState<string | null>(null);
  const submit = async () => {
    try {
      const { sendEvents } = await send.mutateAsync({ event: FIRST_EVENT });
      setEventId(sendEvents[0] ?? null);
    } catch {
      // Shown below.
    }
  };
  return (
    <>
      <Snippet title="Event" code={JSON.stringify(FIRST_EVENT, null, 2)} />
      <div className="flex flex-wrap items-center gap-3">
        <Button
          kind="primary"
          icon={<Send />}
          disabled={app === null}
          isBusy={send.isPending}
          onClick={() => void submit()}
        >
          {eventId ? 'Send it again' : 'Send the event'}
        </Button>
        {app === null && <span className="text-ink-faint">As soon as your app is here.</span>}
      </div>
      {send.error && <ErrorNotice title="The event was not sent" error={send.error} />}
      {eventId && <FirstEventRuns key={eventId} eventId={eventId} />}
    </>
  );
}

function FirstEventRuns({ eventId }: { eventId: string }) {
  const { data, error } = useLiveQuery(
    FirstEventRunsQuery,
    { id: eventId },
    {
      // It is the only one who asks, and only while something happens.
      everyMs: 1_000,
      until: ({ eventV2: { runs } }) =>
        runs.length > 0 && runs.every(({ status }) => isEnded(status)),
    },
  );
  const eventLink = (
    <Link to="/events/$eventId" params={{ eventId }} className="underline">
      Show the event
    </Link>
  );
  if (error) return <ErrorNotice title="The runs could not be loaded" error={error} />;
  const runs = data?.eventV2.runs ?? [];
  if (runs.length === 0) {
    return (
      <Notice title="The event is accepted">
        <p>
          No function has started yet. If none does, no function has the trigger{' '}
          <code className="font-mono">{FIRST_EVENT.name}</code>. {eventLink}
        </p>
      </Notice>
    );
  }
  return (
    <ul className="flex flex-col gap-2">
      {runs.map((run) => (
        <li
          key={run.id}
          className="flex flex-wrap items-center gap-x-4 gap-y-1 rounded-md border border-line bg-surface px-3 py-2"
        >
          <span className="font-medium">{run.function.name}</span>
          <StatusText status={run.status} />
          {run.output && <code className="min-w-0 truncate font-mono text-xs">{run.output}</code>}
          <span className="flex-1" />
          <Link
            to="/runs/$runId"
            params={{ runId: run.id }}
            className={buttonClass('primary', 'small')}
          >
            Show the run
          </Link>
        </li>
      ))}
    </ul>
  );
}
