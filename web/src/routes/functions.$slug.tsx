import { createFileRoute } from '@tanstack/react-router';
import { Page } from '~/ui/Page';

export const Route = createFileRoute('/functions/$slug')({
  component: () => <Page title="Function">…</Page>,
});
