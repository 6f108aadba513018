import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { Notice } from '~/ui/Notice';
import { RelativeTime } from '~/ui/Time';
import type { RunFacts, Waiting } from './queries';
import { cancelWords, skipWords } from './reasons';
import { useRunWaiting } from './useRun';
import { heldUp, whyNotStarted } from './waiting';

/** What needs to be said before anything else: why it waits, why it was cancelled or skipped. */
export function RunNotices({ run }: { run: RunFacts }) {
  switch (run.status) {
    case 'QUEUED':
      return <QueuedNotice run={run} />;
    case 'RUNNING':
      return <HeldNotice run={run} />;
    case 'CANCELLED':
      return (
        <Place>
          <Notice title="Cancelled">
            {cancelWords(run.cancelReason)}{' '}
            {run.cancelEventID && (
              <Link
                to="/events/$eventId"
                params={{ eventId: run.cancelEventID }}
                className="underline"
              >
                Show the event
              </Link>
            )}
          </Notice>
        </Place>
      );
    case 'SKIPPED':
      return (
        <Place>
          <Notice title="Skipped: nothing was run">
            {skipWords(run.skipReason)}{' '}
            {run.skipExistingRunID && (
              <Link
                to="/runs/$runId"
                params={{ runId: run.skipExistingRunID }}
                className="underline"
              >
                Show that run
              </Link>
            )}
          </Notice>
        </Place>
      );
    default:
      return null;
  }
}

function QueuedNotice({ run }: { run: RunFacts }) {
  const { data } = useRunWaiting(run.id, true);
  const item = data && whyNotStarted(data.runWaiting);
  return (
    <Place>
      <Notice title="Waiting to start">
        {item ? <WaitingWords item={item} /> : 'Nothing has been called for it yet.'}
      </Notice>
    </Place>
  );
}

/** Says that a run which has begun is held up. */
function HeldNotice({ run }: { run: RunFacts }) {
  const { data } = useRunWaiting(run.id, true);
  const items = data ? heldUp(data.runWaiting) : [];
  const [first] = items;
  if (!first) return null;
  return (
    <Place>
      <Notice
        severity="warning"
        title={items.length === 1 ? 'A step is held up' : `${items.length} steps are held up`}
      >
        <WaitingWords item={first} />
      </Notice>
    </Place>
  );
}

/** Why something waits, its place in line and when it may start. */
export function WaitingWords({ item }: { item: Waiting }) {
  const { ahead, limit, inUse, startsAt } = item;
  return (
    <>
      <p>{item.message}.</p>
      <ul className="mt-1 flex flex-wrap gap-x-4 text-xs">
        {limit !== null && inUse !== null && (
          <li>
            {inUse.toLocaleString()} of {limit.toLocaleString()} in use
          </li>
        )}
        {ahead > 0 && <li>{ahead.toLocaleString()} before it</li>}
        {item.key && (
          <li className="min-w-0 truncate">
            Key <code className="font-mono">{item.key}</code>
            {item.value !== '' && (
              <>
                {' '}
                = <code className="font-mono">{item.value}</code>
              </>
            )}
          </li>
        )}
        {startsAt && (
          <li>
            Starts <RelativeTime at={startsAt} />
          </li>
        )}
      </ul>
    </>
  );
}

function Place({ children }: { children: ReactNode }) {
  return <div className="shrink-0 px-4 pb-3">{children}</div>;
}
