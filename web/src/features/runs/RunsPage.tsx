import { getRouteApi } from '@tanstack/react-router';
import { Page } from '~/ui/Page';
import { RunsList } from './RunsList';

const route = getRouteApi('/runs/');

/** All runs. */
export function RunsPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <Page title="Runs" isPadded={false}>
      <RunsList
        scope="env"
        search={search}
        onSearch={(search) => void navigate({ search, replace: true })}
      />
    </Page>
  );
}
