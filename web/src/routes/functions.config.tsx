import { createFileRoute, redirect } from '@tanstack/react-router';
import { text } from '~/lib/search-params';

/** Links of older dashboards: `/functions/config?slug=…`. */
export const Route = createFileRoute('/functions/config')({
  validateSearch: (search): { slug?: string | undefined } => ({ slug: text(search.slug) }),
  beforeLoad: ({ search: { slug } }) => {
    if (!slug) throw redirect({ to: '/functions', replace: true });
    throw redirect({ to: '/functions/$slug/configuration', params: { slug }, replace: true });
  },
});
