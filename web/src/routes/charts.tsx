import { createFileRoute } from '@tanstack/react-router';
import { MetricsPage } from '~/features/metrics/MetricsPage';
import { validMetricsSearch } from '~/features/metrics/metrics-search';

/** Not `/metrics`: there the server answers Prometheus. */
export const Route = createFileRoute('/charts')({
  validateSearch: validMetricsSearch,
  component: Metrics,
});

function Metrics() {
  const navigate = Route.useNavigate();
  return (
    <MetricsPage
      search={Route.useSearch()}
      onSearch={(search) => void navigate({ search, replace: true })}
    />
  );
}
