import { createFileRoute } from '@tanstack/react-router';
import { AppsPage } from '~/features/apps/AppsPage';
import { flag } from '~/lib/search-params';

export const Route = createFileRoute('/apps/')({
  validateSearch: (search): { sync?: true | undefined; guide?: true | undefined } => ({
    sync: flag(search.sync),
    guide: flag(search.guide),
  }),
  component: Apps,
});

function Apps() {
  const { sync = false, guide = false } = Route.useSearch();
  const navigate = Route.useNavigate();
  return (
    <AppsPage
      syncs={sync}
      guides={guide}
      onChange={(search) => void navigate({ search, replace: true })}
    />
  );
}
