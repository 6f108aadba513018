import { type ErrorComponentProps, useRouter } from '@tanstack/react-router';
import { Bug, CloudDownload, Compass } from 'lucide-react';
import { Button } from '~/ui/Button';
import { EmptyState } from '~/ui/Notice';

/** What browsers say when a part of the dashboard cannot be fetched. */
const UNFETCHED = /dynamically imported module|importing a module script/i;

/** A fault in the dashboard itself, or a part of it that the server does not have any more. */
export function PageError(props: ErrorComponentProps) {
  return UNFETCHED.test(messageOf(props.error)) ? <PageOutdated /> : <PageFault {...props} />;
}

/** After an update of the server, or while it cannot be reached. */
function PageOutdated() {
  return (
    <EmptyState
      icon={<CloudDownload />}
      title="A part of this page could not be fetched"
      actions={
        <Button kind="primary" onClick={() => window.location.reload()}>
          Load the page again
        </Button>
      }
    >
      <p>
        The server was updated since the page was opened, or it cannot be reached at present. What
        it works on is not affected.
      </p>
    </EmptyState>
  );
}

function PageFault({ error, reset }: ErrorComponentProps) {
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
      <code className="mt-2 block break-words font-mono text-xs">{messageOf(error)}</code>
    </EmptyState>
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export function PageNotFound() {
  return (
    <EmptyState icon={<Compass />} title="There is no such page">
      <p>The address may be mistyped. The sidebar leads everywhere.</p>
    </EmptyState>
  );
}
