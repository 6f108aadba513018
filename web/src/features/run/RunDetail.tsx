import { useLiveQuery } from '~/lib/queries';
import { isEnded } from '~/lib/status';
import { ErrorNotice, isNotFound, NotFound } from '~/ui/Notice';
import { Skeleton } from '~/ui/Skeleton';
import { concerns } from './changes';
import { RunQuery } from './queries';
import { RunSummary } from './RunSummary';

/** Everything about a run. `isInline` where it is opened within a list. */
export default function RunDetail({
  runId,
  isInline = false,
}: {
  runId: string;
  isInline?: boolean;
}) {
  const query = useLiveQuery(
    RunQuery,
    { runID: runId },
    { changedBy: concerns(runId), until: ({ run }) => run !== null && isEnded(run.status) },
  );
  if (isNotFound(query.error) || query.data?.run === null)
    return <NotFound what="Run" id={runId} />;
  if (query.error && !query.data) {
    return (
      <div className="p-4">
        <ErrorNotice
          title="The run could not be loaded"
          error={query.error}
          onRetry={() => void query.refetch()}
        />
      </div>
    );
  }
  if (!query.data) return <Skeleton lines={6} />;
  return <RunSummary run={query.data.run} isInline={isInline} />;
}
