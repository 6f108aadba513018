import { createFileRoute } from '@tanstack/react-router';
import { Page } from '~/ui/Page';

export const Route = createFileRoute('/events/$eventId')({
  component: () => <Page title="Event">…</Page>,
});
