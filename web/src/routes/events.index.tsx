import { createFileRoute } from '@tanstack/react-router';
import { Page } from '~/ui/Page';

export const Route = createFileRoute('/events/')({
  component: () => <Page title="Events">…</Page>,
});
