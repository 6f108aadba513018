import { Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import { boundsOf, type TimeSearch, timeRangeOf } from '~/features/filters/time-range';
import { graphql } from '~/lib/graphql';
import { useLiveQuery } from '~/lib/queries';
import { Card } from '~/ui/Card';
import { ErrorNotice } from '~/ui/Notice';
import { Skeleton } from '~/ui/Skeleton';
import { Duration, RelativeTime } from '~/ui/Time';

const FailedRunsQuery = graphql(`
  query FailedRuns($functionID: UUID!, $from: Time!, $until: Time) {
    runs(
      first: 6
      orderBy: [{ field: ENDED_AT, direction: DESC }]
      filter: {
        functionIDs: [$functionID]
        status: [FAILED]
        timeField: ENDED_AT
        from: $from
        until: $until
      }
    ) {
      edges { node { id eventName isBatch cronSchedule startedAt endedAt } }
    }
  }
`);

interface FailedRunsProps {
  slug: string;
  functionId: string;
  search: TimeSearch;
}

/** The runs that failed last. */
export function FailedRuns({ slug, functionId, search }: FailedRunsProps) {
  // A range that slides would be asked for anew at every render.
  const { last, start, end } = search;
  const bounds = useMemo(() => boundsOf(timeRangeOf({ last, start, end })), [last, start, end]);
  const { data, error, refetch } = useLiveQuery(
    FailedRunsQuery,
    { functionID: functionId, from: bounds.from, until: bounds.until },
    {
      changedBy: ({ runs, cut }) => cut || Object.values(runs).includes(functionId),
      keepsPrevious: true,
    },
  );
  const runs = data?.runs.edges.map(({ node }) => node);
  return (
    <Card
      title="Failed last"
      actions={
        <Link
          to="/functions/$slug/runs"
          params={{ slug }}
          search={{ ...search, filterStatus: ['FAILED'] }}
          className="text-accent hover:underline"
        >
          All failed runs
        </Link>
      }
    >
      {error && !runs ? (
        <div className="p-4">
          <ErrorNotice
            title="The failed runs could not be loaded"
            error={error}
            onRetry={() => void refetch()}
          />
        </div>
      ) : !runs ? (
        <Skeleton lines={3} />
      ) : runs.length === 0 ? (
        <p className="p-4 text-ink-soft">No run failed in this range.</p>
      ) : (
        <ul>
          {runs.map((run) => (
            <li
              key={run.id}
              className="relative flex h-9 items-center gap-3 border-line px-4 not-last:border-b hover:bg-hover"
            >
              <Link
                to="/runs/$runId"
                params={{ runId: run.id }}
                className="shrink-0 font-mono text-[0.8125rem] after:absolute after:inset-0"
              >
                {run.id}
              </Link>
              <span className="hidden min-w-0 flex-1 truncate text-ink-soft sm:inline">
                {run.isBatch ? 'Batch' : (run.eventName ?? run.cronSchedule ?? '')}
              </span>
              <span className="hidden text-ink-soft sm:inline">
                <Duration from={run.startedAt} to={run.endedAt} isShort />
              </span>
              <span className="ml-auto truncate text-ink-faint">
                <RelativeTime at={run.endedAt} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
