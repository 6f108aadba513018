import { createFileRoute } from '@tanstack/react-router';
import { Page } from '~/ui/Page';

export const Route = createFileRoute('/apps/$appId')({
  component: () => <Page title="App">…</Page>,
});
