import { createFileRoute } from '@tanstack/react-router';
import { RunsPage } from '~/features/runs/RunsPage';
import { validRunsSearch } from '~/features/runs/run-search';

export const Route = createFileRoute('/runs/')({
  validateSearch: validRunsSearch,
  component: RunsPage,
});
