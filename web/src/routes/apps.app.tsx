import { createFileRoute } from '@tanstack/react-router';

export const Route = createFileRoute('/apps/app')({
  component: RouteComponent,
});

function RouteComponent() {
  return <div>Hello "/apps/app"!</div>;
}
