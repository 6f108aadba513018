import { type ErrorComponentProps, useRouter } from '@tanstack/react-router';
import { Bug, Compass } from 'lucide-react';
import { Button } from '~/ui/Button';
import { EmptyState } from '~/ui/Notice';

/** A fault in the dashboard itself. */
export function PageError({ error, reset }: ErrorComponentProps) {
  const router = useRouter();
  return (
    <EmptyState
      icon={<Bug />}
      title="This page ran into a fault"
      actions={
        <Button
          kind="primary"
          onClick={() => {
            reset();
            void router.invalidate();
          }}
        >
          Load it again
        </Button>
      }
    >
      <p>
        Nothing on the server is affected. If it happens again, please report it with this message:
      </p>
      <code className="mt-2 block break-words font-mono text-xs">
        {error instanceof Error ? error.message : String(error)}
      </code>
    </EmptyState>
  );
}

export function PageNotFound() {
  return (
    <EmptyState icon={<Compass />} title="There is no such page">
      <p>The address may be mistyped. The sidebar leads everywhere.</p>
    </EmptyState>
  );
}
