import { createFileRoute } from '@tanstack/react-router';
import { RunPage } from '~/features/run/RunPage';
import { text } from '~/lib/search-params';

interface RunSearch {
  /** The span that is selected. */
  step?: string | undefined;
  /** What is shown of it. */
  tab?: string | undefined;
}

export const Route = createFileRoute('/runs/$runId')({
  validateSearch: (search): RunSearch => ({ step: text(search.step), tab: text(search.tab) }),
  component: Run,
});

function Run() {
  const { runId } = Route.useParams();
  const navigate = Route.useNavigate();
  return (
    <RunPage
      runId={runId}
      selection={Route.useSearch()}
      onSelect={(search) => void navigate({ search, replace: true })}
    />
  );
}
