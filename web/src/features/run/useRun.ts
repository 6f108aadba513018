import { useEffect, useState } from 'react';
import { useLiveQuery } from '~/lib/queries';
import { isEnded } from '~/lib/status';
import { concerns } from './changes';
import {
  LinkedRunsQuery,
  RunQuery,
  RunTraceQuery,
  RunTriggerQuery,
  RunWaitingQuery,
  SpanDetailsQuery,
  SpanOutputQuery,
} from './queries';

/** How long after the end of a run spans of its app may still come in. */
const LATE_SPANS_MS = 8_000;
const LATE_SPANS_EVERY_MS = 2_000;
const WAITING_EVERY_MS = 2_000;

/** The facts of a run, until it has ended. */
export function useRun(runId: string) {
  return useLiveQuery(
    RunQuery,
    { runID: runId },
    { changedBy: concerns(runId), until: ({ run }) => run !== null && isEnded(run.status) },
  );
}

/** The steps of a run, until it has ended and a little longer. */
export function useRunTrace(runId: string, isRunEnded: boolean) {
  const isSettling = useSettling(isRunEnded);
  const isOver = isRunEnded && !isSettling;
  return useLiveQuery(
    RunTraceQuery,
    { runID: runId },
    {
      changedBy: concerns(runId),
      // The facts may have told of the end before the steps do.
      until: ({ runTrace }) => isOver && isEnded(runTrace.status),
      ...(isSettling ? { everyMs: LATE_SPANS_EVERY_MS } : {}),
    },
  );
}

/** What a run waits for; it changes with other runs too, of which it is not told. */
export function useRunWaiting(runId: string, isOpen: boolean) {
  return useLiveQuery(
    RunWaitingQuery,
    { runID: runId },
    { isEnabled: isOpen, changedBy: concerns(runId), everyMs: WAITING_EVERY_MS },
  );
}

/** What started a run. It never changes. */
export function useRunTrigger(runId: string) {
  return useLiveQuery(RunTriggerQuery, { runID: runId }, {});
}

/** Headers and attributes of the spans of a run. */
export function useSpanDetails(runId: string) {
  return useLiveQuery(SpanDetailsQuery, { runID: runId }, { changedBy: concerns(runId) });
}

/** What a span took and brought. Asks nothing without an id. */
export function useSpanOutput(runId: string, outputId: string | null) {
  return useLiveQuery(
    SpanOutputQuery,
    { outputID: outputId ?? '' },
    {
      isEnabled: outputId !== null,
      changedBy: concerns(runId),
      until: ({ runTraceSpanOutputByID: found }) => found.error !== null || Boolean(found.data),
    },
  );
}

/** Runs that it invoked, and others with these ids. */
export function useLinkedRuns(runId: string, others: string[]) {
  return useLiveQuery(
    LinkedRunsQuery,
    { runID: runId, others },
    { changedBy: (change) => change.cut || [runId, ...others].some((id) => id in change.runs) },
  );
}

/** Whether something ended a moment ago, while it was looked at. */
function useSettling(isOver: boolean): boolean {
  const [wasOpen, setWasOpen] = useState(!isOver);
  if (!isOver && !wasOpen) setWasOpen(true);
  useEffect(() => {
    if (!isOver || !wasOpen) return;
    const timer = setTimeout(() => setWasOpen(false), LATE_SPANS_MS);
    return () => clearTimeout(timer);
  }, [isOver, wasOpen]);
  return isOver && wasOpen;
}
