import { createFileRoute } from '@tanstack/react-router';
import { Page } from '~/ui/Page';

export const Route = createFileRoute('/event-types/')({
  component: () => <Page title="Event types">…</Page>,
});
