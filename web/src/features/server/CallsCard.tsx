import { Link } from '@tanstack/react-router';
import { Card, Fact, Facts } from '~/ui/Card';
import { Notice } from '~/ui/Notice';
import { Duration } from '~/ui/Time';
import { type Column, PlainTable } from './PlainTable';

interface Call {
  runID: string;
  functionSlug: string;
  functionName: string;
  attempt: number;
  since: string;
}

interface CallsCardProps {
  /** Whether other servers make calls as well. */
  hasOthers: boolean;
  server: {
    queueDepth: number | null;
    callsUnderWay: number;
    callsMax: number;
    slowestCalls: readonly Call[];
  };
}

const COLUMNS: readonly Column<Call>[] = [
  {
    title: 'Function',
    cell: (call) =>
      call.functionSlug ? (
        <Link
          to="/functions/$slug"
          params={{ slug: call.functionSlug }}
          className="hover:underline"
        >
          {call.functionName || call.functionSlug}
        </Link>
      ) : (
        '–'
      ),
  },
  {
    title: 'Run',
    cell: (call) => (
      <Link
        to="/runs/$runId"
        params={{ runId: call.runID }}
        className="font-mono text-[0.8125rem] hover:underline"
      >
        {call.runID}
      </Link>
    ),
  },
  { title: 'Attempt', cell: (call) => call.attempt + 1 },
  { title: 'For', cell: (call) => <Duration from={call.since} to={null} isShort /> },
];

/** What is queued, and the calls to apps that have not been answered, the longest first. */
export function CallsCard({ server, hasOthers }: CallsCardProps) {
  const isFull = server.callsUnderWay >= server.callsMax;
  return (
    <Card title="Queue and calls">
      <div className="flex flex-col gap-3 px-4 py-3">
        <Facts>
          <Fact name="Queue">
            <span title="Items in the queue, those due later included">
              {server.queueDepth === null ? 'being counted' : server.queueDepth.toLocaleString()}
            </span>
          </Fact>
          <Fact name="Calls under way">
            {server.callsUnderWay.toLocaleString()} of {server.callsMax.toLocaleString()}
          </Fact>
        </Facts>
        {hasOthers && (
          <p className="text-ink-soft">
            The queue is that of all servers; calls are those of the one that answered.
          </p>
        )}
        {isFull && (
          <Notice severity="warning" title="All workers are busy">
            <p>
              More calls wait until one is answered. Raise --queue-workers if the apps can take
              more.
            </p>
          </Notice>
        )}
      </div>
      {server.slowestCalls.length > 0 && (
        <PlainTable
          label="Calls under way"
          columns={COLUMNS}
          rows={server.slowestCalls}
          rowKey={(call) => `${call.runID} ${call.since}`}
        />
      )}
    </Card>
  );
}
