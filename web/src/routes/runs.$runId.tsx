import { createFileRoute } from '@tanstack/react-router';
import { Page } from '~/ui/Page';

export const Route = createFileRoute('/runs/$runId')({
  component: () => <Page title="Run">…</Page>,
});
