import { useMemo, useState } from 'react';
import { isEnded } from '~/lib/status';
import { ErrorNotice, isNotFound, NotFound } from '~/ui/Notice';
import { Skeleton } from '~/ui/Skeleton';
import { RunActions } from './actions/RunActions';
import type { RunFacts } from './queries';
import { RunNotices } from './RunNotices';
import { RunSummary } from './RunSummary';
import { RunWorkspace } from './RunWorkspace';
import type { RunSelection } from './selection';
import { arrange, RUN_ID } from './timeline/arrange';
import { useRun, useRunTrace } from './useRun';

interface RunDetailProps {
  runId: string;
  /** Opened within a list: with a heading of its own, and of limited height. */
  isInline?: boolean;
  /** Who holds the selection; left out, the component does. */
  selection?: RunSelection;
  onSelect?: (selection: RunSelection) => void;
}

/** Everything about a run. */
export default function RunDetail(props: RunDetailProps) {
  const { runId, isInline = false } = props;
  const [held, setHeld] = useState<RunSelection>({});
  const selection = props.selection ?? held;
  const query = useRun(runId);
  const run = query.data?.run;
  if (isNotFound(query.error) || run === null) return <NotFound what="Run" id={runId} />;
  if (query.error && !run) {
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
  if (!run) return <Skeleton lines={6} />;
  return (
    <div
      className={isInline ? 'flex flex-col' : 'flex min-h-0 flex-1 flex-col max-lg:overflow-y-auto'}
    >
      <div className="flex shrink-0 items-start justify-between gap-x-4 max-sm:flex-col">
        <RunSummary run={run} isInline={isInline} />
        {isInline && (
          <div className="flex shrink-0 items-center gap-2 px-4 pb-3 sm:pt-3">
            <RunActions run={run} selection={selection} isInline />
          </div>
        )}
      </div>
      <RunNotices run={run} />
      <RunSteps
        run={run}
        isInline={isInline}
        selection={selection}
        onSelect={props.onSelect ?? setHeld}
      />
    </div>
  );
}

/** The timeline and the panel beside it. */
function RunSteps(props: {
  run: RunFacts;
  isInline: boolean;
  selection: RunSelection;
  onSelect: (selection: RunSelection) => void;
}) {
  const { run, isInline, selection, onSelect } = props;
  const trace = useRunTrace(run.id, isEnded(run.status));
  const span = trace.data?.runTrace;
  const root = useMemo(() => (span ? arrange(span) : undefined), [span]);
  if (!root) {
    return trace.error ? (
      <div className="px-4 pb-4">
        <ErrorNotice
          title="The steps could not be loaded"
          error={trace.error}
          onRetry={() => void trace.refetch()}
        />
      </div>
    ) : (
      <Skeleton lines={5} />
    );
  }
  return (
    <RunWorkspace
      run={run}
      root={root}
      isInline={isInline}
      selected={selection.step ?? RUN_ID}
      tab={selection.tab}
      onSelect={(id) => onSelect({ ...selection, step: id === RUN_ID ? undefined : id })}
      onTab={(tab) => onSelect({ ...selection, tab })}
    />
  );
}
