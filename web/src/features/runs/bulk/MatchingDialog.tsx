import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useFunctionNames } from '~/features/filters/FunctionFilter';
import { countInWords } from '~/features/lists/counting';
import { graphql } from '~/lib/graphql';
import { useRequest } from '~/lib/queries';
import { Confirm } from '~/ui/Dialog';
import { Time } from '~/ui/Time';
import { toastDone } from '~/ui/toasts';
import type { RunsSearch } from '../run-search';
import { countRuns, type RunsScope } from '../run-source';
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
  const open = useOpenCount(search, scope);
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
        will end as cancelled{open && `: ${open} at the moment`}.
      </p>
      <p>This goes on in the background; the function’s page lists it under “Cancellations”.</p>
    </Confirm>
  );
}

/** How many runs have not ended, in words; null while that is not known. */
function useOpenCount(search: RunsSearch, scope: RunsScope): string | null {
  const { data } = useQuery({
    queryKey: ['OpenRunsCount', search, scope],
    queryFn: ({ signal }) =>
      countRuns({ ...search, filterStatus: ['QUEUED', 'RUNNING'] }, scope, signal),
    staleTime: 0,
  });
  return data ? countInWords(data.count, 'run', data.isExact) : null;
}
