import { createFileRoute } from '@tanstack/react-router';
import { FunctionPage } from '~/features/functions/FunctionPage';

export const Route = createFileRoute('/functions/$slug')({ component: FunctionOfSlug });

function FunctionOfSlug() {
  const { slug } = Route.useParams();
  return <FunctionPage key={slug} slug={slug} />;
}
