import { createFileRoute } from '@tanstack/react-router';
import { Page } from '~/ui/Page';

export const Route = createFileRoute('/metrics')({
  component: () => <Page title="Metrics">…</Page>,
});
