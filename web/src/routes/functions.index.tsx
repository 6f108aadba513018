import { createFileRoute } from '@tanstack/react-router';
import { Page } from '~/ui/Page';

export const Route = createFileRoute('/functions/')({
  component: () => <Page title="Functions">…</Page>,
});
