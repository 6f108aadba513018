import { createFileRoute } from '@tanstack/react-router';
import { validTimeSearch } from '~/features/filters/time-range';
import { DashboardTab } from '~/features/functions/dashboard/DashboardTab';

export const Route = createFileRoute('/functions/$slug/')({
  validateSearch: validTimeSearch,
  component: Dashboard,
});

function Dashboard() {
  const navigate = Route.useNavigate();
  return (
    <DashboardTab
      slug={Route.useParams().slug}
      search={Route.useSearch()}
      onSearch={(search) => void navigate({ search, replace: true })}
    />
  );
}
