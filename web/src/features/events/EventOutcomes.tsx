import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { ErrorNotice } from '~/ui/Notice';
import { Skeleton } from '~/ui/Skeleton';
import { Badge, Dot } from '~/ui/Status';
import { Duration, RelativeTime } from '~/ui/Time';
import type { OutcomeLine } from './outcomes';
import { useOutcomes } from './useOutcomes';

/** What became of an event at each function: its run, or why there is none. Live until settled. */
export function EventOutcomes({ eventId }: { eventId: string }) {
  const { lines, error, retry } = useOutcomes(eventId);
  if (error && !lines) {
    return <ErrorNotice title="What became of it is not known" error={error} onRetry={retry} />;
  }
  if (!lines) return <Skeleton lines={2} />;
  if (lines.length === 0) {
    return (
      <p className="text-ink-soft">
        No function listens to this event, or no condition of one is true.{' '}
        <Link to="/functions" className="text-accent underline">
          See the functions
        </Link>
      </p>
    );
  }
  return (
    <ul className="flex flex-col divide-y divide-line">
      {lines.map((line) => (
        <li key={line.key} className="py-2.5 first:pt-0 last:pb-0">
          <OutcomeItem line={line} />
        </li>
      ))}
    </ul>
  );
}

function OutcomeItem({ line }: { line: OutcomeLine }) {
  const { run } = line;
  return (
    <>
      <div className="flex min-w-0 items-center justify-between gap-3">
        <FunctionName line={line} />
        <Badge tone={line.tone}>
          <Dot tone={line.tone} isPulsing={line.isRunning} />
          {line.title}
        </Badge>
      </div>
      {run && (
        <p className="mt-1 flex flex-wrap items-center gap-x-2 text-ink-soft text-xs">
          <RunLink runId={run.id} />
          <RelativeTime at={run.queuedAt} />
          {run.startedAt && <Duration from={run.startedAt} to={run.endedAt} isShort />}
        </p>
      )}
      {line.message && (
        <p className="mt-1 break-words text-ink-soft text-xs">
          <Message line={line} text={line.message} />
        </p>
      )}
      {line.dueAt && (
        <p className="mt-1 text-ink-soft text-xs">
          Due <RelativeTime at={line.dueAt} />
        </p>
      )}
      {line.notes.map((note) => (
        <p key={note} className="mt-1 break-words text-waiting-ink text-xs">
          {note}
        </p>
      ))}
    </>
  );
}

function FunctionName({ line: { slug, functionName } }: { line: OutcomeLine }) {
  if (!slug) return <span className="min-w-0 truncate">{functionName}</span>;
  return (
    <Link
      to="/functions/$slug"
      params={{ slug }}
      title={functionName}
      className="min-w-0 truncate font-medium hover:underline"
    >
      {functionName}
    </Link>
  );
}

export function RunLink({ runId, children }: { runId: string; children?: ReactNode }) {
  return (
    <Link
      to="/runs/$runId"
      params={{ runId }}
      title={`Open run ${runId}`}
      className="font-mono text-accent hover:underline"
    >
      {children ?? runId}
    </Link>
  );
}

const ULID = /\b([0-7][0-9A-HJKMNP-TV-Z]{25})\b/;

/** What the server says, with links to the runs and the event that it names. */
function Message({ line, text }: { line: OutcomeLine; text: string }) {
  let at = 0;
  return text.split(ULID).map((part) => {
    const key = at;
    at += part.length;
    if (part === line.newerEventId) return <EventLink key={key} eventId={part} />;
    if (line.namedRunIds.includes(part)) return <RunLink key={key} runId={part} />;
    return <span key={key}>{part}</span>;
  });
}

function EventLink({ eventId }: { eventId: string }) {
  return (
    <Link
      to="/events/$eventId"
      params={{ eventId }}
      title={`Open event ${eventId}`}
      className="font-mono text-accent hover:underline"
    >
      {eventId}
    </Link>
  );
}
