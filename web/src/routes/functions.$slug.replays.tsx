import { createFileRoute } from '@tanstack/react-router';
import { ReplaysTab } from '~/features/functions/operations/ReplaysTab';

export const Route = createFileRoute('/functions/$slug/replays')({ component: Replays });

function Replays() {
  return <ReplaysTab slug={Route.useParams().slug} />;
}
