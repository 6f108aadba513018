import { createFileRoute } from '@tanstack/react-router';
import { AppPage } from '~/features/apps/AppPage';

export const Route = createFileRoute('/apps/$appId')({ component: App });

function App() {
  const { appId } = Route.useParams();
  return <AppPage key={appId} appId={appId} />;
}
