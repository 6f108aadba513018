import { Link } from '@tanstack/react-router';
import { useLiveQuery } from '~/lib/queries';
import { isEnded } from '~/lib/status';
import { Page } from '~/ui/Page';
import { StatusBadge } from '~/ui/Status';
import { concerns } from './changes';
import { RunQuery } from './queries';
import RunDetail from './RunDetail';

/** The page of one run. */
export function RunPage({ runId }: { runId: string }) {
  const { data } = useLiveQuery(
    RunQuery,
    { runID: runId },
    { changedBy: concerns(runId), until: ({ run }) => run !== null && isEnded(run.status) },
  );
  const run = data?.run;
  return (
    <Page
      title={run?.function.name ?? 'Run'}
      documentTitle={run ? `${run.function.name} · ${run.id}` : 'Run'}
      above={[
        <Link key="runs" to="/runs">
          Runs
        </Link>,
      ]}
      beside={run && <StatusBadge status={run.status} />}
      isPadded={false}
    >
      <RunDetail runId={runId} />
    </Page>
  );
}
