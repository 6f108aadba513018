import { useState } from 'react';
import { useFunctionNames } from '~/features/filters/FunctionFilter';
import { graphql } from '~/lib/graphql';
import { useRequest } from '~/lib/queries';
import { Confirm } from '~/ui/Dialog';
import { Time } from '~/ui/Time';
import { toastDone } from '~/ui/toasts';
import type { RunsSearch } from '../run-search';
import type { RunsScope } from '../run-source';
import { boundsToCancel } from './matching';

const CancelMatchingMutation = graphql(`
  mutation CancelMatching($input: CreateCancellationInput!) {
    createCancellation(input: $input) { id }
  }
`);

interface MatchingDialogProps {
  scope: RunsScope;
  search: RunsSearch;
  onClose: () => void;
}

/** Begins a bulk cancellation of what the list means, loaded or not. */
export default function MatchingDialog({ scope, search, onClose }: MatchingDialogProps) {
  const [bounds] = useState(() => boundsToCancel(search));
  const { functions } = useFunctionNames();
  const create = useRequest(CancelMatchingMutation);
  const [functionId] = search.filterFunction ?? [];
  const slug =
    scope === 'env' ? functions.find(({ id }) => id === functionId)?.slug : scope.functionSlug;
  return (
    <Confirm
      title="Cancel all that match"
      isOpen
      onClose={onClose}
      confirm="Cancel these runs"
      isDangerous
      isDisabled={slug === undefined}
      onConfirm={async () => {
        if (slug === undefined) return;
        await create.mutateAsync({ input: { functionSlug: slug, ...bounds } });
        toastDone('The runs are being cancelled');
      }}
    >
      <p>
        All runs of <code className="break-all font-mono">{slug ?? '…'}</code> that were queued from{' '}
        <Time at={bounds.startedAfter} /> to <Time at={bounds.startedBefore} /> and have not ended
        will end as cancelled.
      </p>
      <p>This goes on in the background; the function’s page lists it under “Cancellations”.</p>
    </Confirm>
  );
}
