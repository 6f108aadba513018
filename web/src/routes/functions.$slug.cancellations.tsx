import { createFileRoute } from '@tanstack/react-router';
import { CancellationsTab } from '~/features/functions/operations/CancellationsTab';

export const Route = createFileRoute('/functions/$slug/cancellations')({
  component: Cancellations,
});

function Cancellations() {
  return <CancellationsTab slug={Route.useParams().slug} />;
}
