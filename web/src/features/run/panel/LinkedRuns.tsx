import { Link } from '@tanstack/react-router';
import { EmptyState, ErrorNotice } from '~/ui/Notice';
import { Skeleton } from '~/ui/Skeleton';
import { StatusText } from '~/ui/Status';
import { Duration, Time } from '~/ui/Time';
import type { LinkedRunFacts, RunFacts } from '../queries';
import { useLinkedRuns } from '../useRun';
import { linkedIds } from './linked';

/** The runs around a run: who invoked it, which it repeats, whom it invoked. */
export function LinkedRuns({ run }: { run: RunFacts }) {
  const ids = linkedIds(run);
  const { data, error, refetch } = useLinkedRuns(
    run.id,
    ids.map(({ runId }) => runId),
  );
  if (error && !data) {
    return (
      <div className="p-4">
        <ErrorNotice
          title="Linked runs could not be loaded"
          error={error}
          onRetry={() => void refetch()}
        />
      </div>
    );
  }
  if (!data) return <Skeleton lines={3} />;
  const named = ids.flatMap(({ relation, runId }) => {
    const facts = data.runsByID.find(({ id }) => id === runId);
    return facts ? [{ relation, facts }] : [];
  });
  const children = (data.run?.childRuns ?? []).map((facts) => ({ relation: 'Invoked', facts }));
  const all = [...named, ...children];
  if (all.length === 0) {
    return (
      <EmptyState title="No linked runs are left">
        They were deleted because of their age, or have not started yet.
      </EmptyState>
    );
  }
  return (
    <ul className="flex flex-col divide-y divide-line">
      {all.map(({ relation, facts }) => (
        <LinkedRun key={`${relation} ${facts.id}`} relation={relation} facts={facts} />
      ))}
    </ul>
  );
}

function LinkedRun({ relation, facts }: { relation: string; facts: LinkedRunFacts }) {
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-0.5 px-4 py-2">
      <span className="w-24 shrink-0 text-ink-faint text-xs">{relation}</span>
      <span className="min-w-0 flex-1 basis-40">
        <span className="block truncate" title={facts.function.name}>
          {facts.function.name}
        </span>
        <Link
          to="/runs/$runId"
          params={{ runId: facts.id }}
          className="block truncate font-mono text-accent text-xs hover:underline"
        >
          {facts.id}
        </Link>
      </span>
      <span className="flex flex-col items-end text-xs">
        <StatusText status={facts.status} />
        <span className="text-ink-faint">
          {facts.startedAt ? (
            <Duration from={facts.startedAt} to={facts.endedAt} isShort />
          ) : (
            <Time at={facts.queuedAt} isShort />
          )}
        </span>
      </span>
    </li>
  );
}
