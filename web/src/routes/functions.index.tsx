import { createFileRoute } from '@tanstack/react-router';
import { FunctionsPage } from '~/features/functions/FunctionsPage';
import { validFunctionsSearch } from '~/features/functions/functions-search';

export const Route = createFileRoute('/functions/')({
  validateSearch: validFunctionsSearch,
  component: Functions,
});

function Functions() {
  const navigate = Route.useNavigate();
  return (
    <FunctionsPage
      search={Route.useSearch()}
      onSearch={(search) => void navigate({ search, replace: true })}
    />
  );
}
