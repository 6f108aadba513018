import { createFileRoute } from '@tanstack/react-router';
import { Page } from '~/ui/Page';

export const Route = createFileRoute('/server')({ component: () => <Page title="Server">…</Page> });
