import { createFileRoute } from '@tanstack/react-router';
import { Page } from '~/ui/Page';

export const Route = createFileRoute('/endpoints')({
  component: () => <Page title="API and MCP">…</Page>,
});
