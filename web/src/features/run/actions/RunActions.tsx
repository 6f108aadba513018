import { Link, useRouter } from '@tanstack/react-router';
import { Ban, Check, ExternalLink, Link as LinkIcon, RotateCw } from 'lucide-react';
import { useState } from 'react';
import { useRequest } from '~/lib/queries';
import { isEnded } from '~/lib/status';
import { Button, IconButton } from '~/ui/Button';
import { copyText } from '~/ui/Copy';
import { Confirm } from '~/ui/Dialog';
import { toastDone, toastFailed } from '~/ui/toasts';
import type { RunFacts } from '../queries';
import type { RunSelection } from '../selection';
import { CancelRunMutation, RerunMutation } from './mutations';

/** What can be done with a run. */
export function RunActions(props: {
  run: RunFacts;
  /** What links show of it. */
  selection: RunSelection;
  isInline: boolean;
}) {
  const { run, selection, isInline } = props;
  return (
    <>
      <CopyLink runId={run.id} selection={selection} />
      {isInline && (
        <Link
          to="/runs/$runId"
          params={{ runId: run.id }}
          search={selection}
          target="_blank"
          aria-label="Open in a new tab"
          title="Open in a new tab"
          className="inline-flex size-8 shrink-0 items-center justify-center rounded-md text-ink-soft transition-colors hover:bg-hover hover:text-ink [&_svg]:size-4"
        >
          <ExternalLink aria-hidden />
        </Link>
      )}
      {canRerun(run) && <RerunButton run={run} />}
      <CancelButton run={run} />
    </>
  );
}

/** Durable endpoints are called by their own callers, not by the server. */
export function canRerun(run: RunFacts): boolean {
  return run.app.method !== 'API';
}

/** Copies an address that shows the run as it is shown now. */
function CopyLink({ runId, selection }: { runId: string; selection: RunSelection }) {
  const router = useRouter();
  const [isCopied, setCopied] = useState(false);
  const copy = async () => {
    const place = { to: '/runs/$runId', params: { runId }, search: selection } as const;
    // With the base path, unlike `href`.
    const { publicHref } = router.buildLocation(place);
    if (!(await copyText(new URL(publicHref, window.location.origin).href))) return;
    setCopied(true);
    setTimeout(() => setCopied(false), 1_500);
  };
  return (
    <>
      <IconButton
        label="Copy a link to what is shown"
        icon={isCopied ? <Check className="text-good-ink" /> : <LinkIcon />}
        className="size-8"
        onClick={() => void copy()}
      />
      <span role="status" className="sr-only">
        {isCopied ? 'Copied' : ''}
      </span>
    </>
  );
}

function RerunButton({ run }: { run: RunFacts }) {
  const rerun = useRequest(RerunMutation);
  const start = async () => {
    try {
      const { rerun: newId } = await rerun.mutateAsync({ runID: run.id });
      toastDone(
        'Started again as a new run',
        <Link to="/runs/$runId" params={{ runId: newId }}>
          Show it
        </Link>,
      );
    } catch (error) {
      toastFailed('The run could not be started again', error);
    }
  };
  return (
    <Button icon={<RotateCw />} isBusy={rerun.isPending} onClick={() => void start()}>
      Rerun
    </Button>
  );
}

function CancelButton({ run }: { run: RunFacts }) {
  const cancel = useRequest(CancelRunMutation);
  const [isAsking, setAsking] = useState(false);
  const isOver = isEnded(run.status);
  return (
    <>
      <Button
        icon={<Ban />}
        disabled={isOver}
        title={isOver ? 'The run has ended: there is nothing to cancel.' : undefined}
        onClick={() => setAsking(true)}
      >
        Cancel
      </Button>
      <Confirm
        title="Cancel this run?"
        isOpen={isAsking}
        onClose={() => setAsking(false)}
        confirm="Cancel the run"
        isDangerous
        onConfirm={async () => {
          await cancel.mutateAsync({ runID: run.id });
          toastDone('The run is cancelled');
        }}
      >
        <p>
          <span className="font-medium text-ink">{run.function.name}</span> stops where it is. A
          step that is under way in the app finishes, but its result does not count. Runs that it
          invoked go on.
        </p>
      </Confirm>
    </>
  );
}
