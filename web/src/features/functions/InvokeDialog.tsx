import { Link, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { graphql } from '~/lib/graphql';
import { useLiveQuery } from '~/lib/queries';
import { request } from '~/lib/request';
import { Button } from '~/ui/Button';
import { JsonEditor } from '~/ui/code/JsonEditor';
import { Dialog } from '~/ui/Dialog';
import { ErrorNotice, Notice } from '~/ui/Notice';
import { Skeleton } from '~/ui/Skeleton';
import { toastDone } from '~/ui/toasts';
import { initialText, readData, rememberText } from './invoke-data';

const InvokedFunctionQuery = graphql(`
  query InvokedFunction($slug: String!) {
    functionBySlug(query: { functionSlug: $slug }) {
      name
      triggers { type }
      app { method }
      pause { newRuns }
    }
  }
`);
const InvokeMutation = graphql(`
  mutation Invoke($slug: String!, $data: Map!) {
    invoke(functionSlug: $slug, data: $data) { eventID runID }
  }
`);
const InvocationOutcomeQuery = graphql(`
  query InvocationOutcome($eventID: ULID!) {
    eventOutcomes(eventID: $eventID) { runID message }
  }
`);

interface InvokeDialogProps {
  slug: string;
  /** Data to begin with, such as that of an earlier run; anything but an object is left out. */
  initialData?: unknown;
  onClose: () => void;
}

/** Starts a function by hand, with data that is written here. */
export default function InvokeDialog({ slug, initialData, onClose }: InvokeDialogProps) {
  const { data, error, refetch } = useLiveQuery(InvokedFunctionQuery, { slug });
  const invoked = data?.functionBySlug;
  if (invoked) {
    const triggers = invoked.triggers ?? [];
    return (
      <InvokeForm
        slug={slug}
        name={invoked.name}
        initialData={initialData}
        isScheduled={triggers.length > 0 && triggers.every(({ type }) => type === 'CRON')}
        isEndpoint={invoked.app.method === 'API'}
        pausedNewRuns={invoked.pause?.newRuns ?? null}
        onClose={onClose}
      />
    );
  }
  return (
    <Dialog title={`Invoke ${slug}`} isOpen onClose={onClose}>
      {error ? (
        <ErrorNotice
          title="This function cannot be invoked"
          error={error}
          onRetry={() => void refetch()}
        />
      ) : (
        <Skeleton lines={4} />
      )}
    </Dialog>
  );
}

interface InvokeFormProps {
  slug: string;
  name: string;
  initialData: unknown;
  /** Whether only schedules start it. */
  isScheduled: boolean;
  isEndpoint: boolean;
  pausedNewRuns: 'SKIP' | 'WAIT' | null;
  onClose: () => void;
}

function InvokeForm(props: InvokeFormProps) {
  const { slug, name, isScheduled, isEndpoint, pausedNewRuns, onClose } = props;
  const navigate = useNavigate();
  const [text, setText] = useState(() => initialText(slug, props.initialData));
  const [busy, setBusy] = useState<'stay' | 'open' | null>(null);
  const [error, setError] = useState<Error | null>(null);
  const read = isScheduled ? { data: {} } : readData(text);
  const problem = 'problem' in read ? read.problem : null;

  const invoke = async (then: 'stay' | 'open') => {
    if (!('data' in read) || busy !== null || isEndpoint) return;
    setBusy(then);
    setError(null);
    try {
      const { invoke: begun } = await request(InvokeMutation, { slug, data: read.data });
      if (!isScheduled) rememberText(slug, text);
      const { runID, message } = begun.runID
        ? { runID: begun.runID, message: null }
        : await outcomeOf(begun.eventID);
      onClose();
      if (runID && then === 'open') {
        await navigate({ to: '/runs/$runId', params: { runId: runID } });
      } else {
        toastInvoked(name, begun.eventID, runID, message);
      }
    } catch (reason) {
      setError(reason instanceof Error ? reason : new Error(String(reason)));
      setBusy(null);
    }
  };

  return (
    <Dialog
      title={`Invoke ${name}`}
      isOpen
      onClose={onClose}
      footer={
        <>
          <Button
            isBusy={busy === 'stay'}
            disabled={problem !== null || busy !== null || isEndpoint}
            onClick={() => void invoke('stay')}
          >
            Invoke and stay here
          </Button>
          <Button
            kind="primary"
            isBusy={busy === 'open'}
            disabled={problem !== null || busy !== null || isEndpoint}
            onClick={() => void invoke('open')}
          >
            Invoke and open the run
          </Button>
        </>
      }
    >
      <div className="flex flex-col gap-3">
        {isEndpoint && (
          <Notice severity="warning">
            This is an endpoint of the app’s own: it starts when it is called over HTTP, not from
            here.
          </Notice>
        )}
        {pausedNewRuns && (
          <Notice severity="warning">
            {pausedNewRuns === 'SKIP'
              ? 'The function is paused: the run will be recorded as skipped.'
              : 'The function is paused: the run will wait until it is resumed.'}
          </Notice>
        )}
        {isScheduled ? (
          <p className="text-ink-soft">
            Only a schedule starts this function, so it takes no data. It runs now as it would at
            its next time.
          </p>
        ) : (
          <>
            <p className="text-ink-soft">
              The run’s event holds this as <code className="font-mono">event.data</code>. It is
              remembered in this browser.
            </p>
            <JsonEditor
              label="Data of the event"
              value={text}
              onChange={setText}
              onSubmit={() => void invoke('open')}
              lines={14}
            />
            <p role="status" className="min-h-5 break-words text-bad-ink text-xs">
              {problem}
            </p>
          </>
        )}
        {error && <ErrorNotice title="The function was not invoked" error={error} />}
      </div>
    </Dialog>
  );
}

/** What became of the event where there is no run yet; the invocation worked even if this does not. */
async function outcomeOf(
  eventID: string,
): Promise<{ runID: string | null; message: string | null }> {
  try {
    const { eventOutcomes } = await request(InvocationOutcomeQuery, { eventID });
    const [outcome] = eventOutcomes;
    return { runID: outcome?.runID ?? null, message: outcome?.message ?? null };
  } catch {
    return { runID: null, message: null };
  }
}

function toastInvoked(
  name: string,
  eventId: string,
  runId: string | null,
  message: string | null,
): void {
  if (runId) {
    toastDone(
      `${name} was invoked`,
      <Link to="/runs/$runId" params={{ runId }}>
        Open the run
      </Link>,
    );
    return;
  }
  toastDone(
    message ? `${name} was invoked. ${message}` : `${name} was invoked; its run begins soon`,
    <Link to="/events/$eventId" params={{ eventId }}>
      See what became of it
    </Link>,
  );
}
