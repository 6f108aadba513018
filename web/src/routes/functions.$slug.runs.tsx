import { createFileRoute } from '@tanstack/react-router';
import { RunsTab } from '~/features/functions/RunsTab';
import { validRunsSearch } from '~/features/runs/run-search';

export const Route = createFileRoute('/functions/$slug/runs')({
  validateSearch: validRunsSearch,
  component: Runs,
});

function Runs() {
  const navigate = Route.useNavigate();
  return (
    <RunsTab
      slug={Route.useParams().slug}
      search={Route.useSearch()}
      onSearch={(search) => void navigate({ search, replace: true })}
    />
  );
}
