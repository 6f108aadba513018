import { createFileRoute } from '@tanstack/react-router';
import { Page } from '~/ui/Page';

export const Route = createFileRoute('/apps/')({ component: () => <Page title="Apps">…</Page> });
