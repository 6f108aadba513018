import { Link } from '@tanstack/react-router';
import { isUlid } from '~/lib/search-params';
import { NotFound } from '~/ui/Notice';
import { Page } from '~/ui/Page';
import { StatusBadge } from '~/ui/Status';
import { RunActions } from './actions/RunActions';
import RunDetail from './RunDetail';
import type { RunSelection } from './selection';
import { useRun } from './useRun';

interface RunPageProps {
  runId: string;
  selection: RunSelection;
  onSelect: (selection: RunSelection) => void;
}

/** The page of one run. */
export function RunPage(props: RunPageProps) {
  if (isUlid(props.runId)) return <PageOfRun {...props} />;
  return (
    <Page title="Run">
      <NotFound what="Run" id={props.runId} />
    </Page>
  );
}

function PageOfRun({ runId, selection, onSelect }: RunPageProps) {
  const { data } = useRun(runId);
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
      actions={run && <RunActions run={run} selection={selection} isInline={false} />}
      isPadded={false}
    >
      <RunDetail key={runId} runId={runId} selection={selection} onSelect={onSelect} />
    </Page>
  );
}
