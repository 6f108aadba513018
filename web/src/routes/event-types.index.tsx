import { createFileRoute } from '@tanstack/react-router';
import { EventTypesPage } from '~/features/event-types/EventTypesPage';
import { text } from '~/lib/search-params';

export const Route = createFileRoute('/event-types/')({
  validateSearch: (search): { nameSearch?: string | undefined } => ({
    nameSearch: text(search.nameSearch),
  }),
  component: EventTypes,
});

function EventTypes() {
  const { nameSearch } = Route.useSearch();
  const navigate = Route.useNavigate();
  return (
    <EventTypesPage
      search={nameSearch}
      onSearch={(search) => void navigate({ search: { nameSearch: search }, replace: true })}
    />
  );
}
