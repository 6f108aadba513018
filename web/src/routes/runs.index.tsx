import { createFileRoute } from '@tanstack/react-router';
import { Page } from '~/ui/Page';

export const Route = createFileRoute('/runs/')({ component: () => <Page title="Runs">…</Page> });
