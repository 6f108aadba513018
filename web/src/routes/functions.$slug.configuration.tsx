import { createFileRoute } from '@tanstack/react-router';
import { ConfigurationTab } from '~/features/functions/configuration/ConfigurationTab';

export const Route = createFileRoute('/functions/$slug/configuration')({
  component: Configuration,
});

function Configuration() {
  return <ConfigurationTab slug={Route.useParams().slug} />;
}
