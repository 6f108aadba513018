import { CircleX } from 'lucide-react';
import { lazy, useState } from 'react';
import { graphql, type ResultOf } from '~/lib/graphql';
import { useLiveQuery } from '~/lib/queries';
import { request } from '~/lib/request';
import { Time } from '~/ui/Time';
import { toastDone } from '~/ui/toasts';
import { refreshFunctions, useFunction } from '../queries';
import { OperationList, type OperationRow } from './OperationList';
import { OperationsTab } from './OperationsTab';
import { isUnderWay, nameOf, progressInWords } from './progress';

const CancelRunsDialog = lazy(() => import('../actions/CancelRunsDialog'));

const CancellationsQuery = graphql(`
  query Cancellations($slug: String!) {
    cancellations(functionSlug: $slug) {
      id
      name
      createdAt
      endedAt
      startedAfter
      startedBefore
      condition
      status
      runsSeen
      runsCancelled
      runsFailed
    }
  }
`);
const DeleteCancellationMutation = graphql(`
  mutation DeleteCancellation($id: ULID!) { deleteCancellation(id: $id) }
`);

type Cancellation = ResultOf<typeof CancellationsQuery>['cancellations'][number];

const REFRESH_MS = 2_500;

/** Bulk cancellations of a function's runs, with how far they are. */
export function CancellationsTab({ slug }: { slug: string }) {
  const [isCreating, setCreating] = useState(false);
  const { fn } = useFunction(slug);
  const { data, error, refetch } = useLiveQuery(
    CancellationsQuery,
    { slug },
    { everyMs: REFRESH_MS },
  );
  const cancellations = data?.cancellations;
  return (
    <OperationsTab
      about="A bulk cancellation ends all runs of the function that have not ended, or those of a certain time or event."
      create="Cancel runs"
      onCreate={() => setCreating(true)}
      error={
        error && !cancellations
          ? {
              title: 'The cancellations could not be loaded',
              reason: error,
              retry: () => void refetch(),
            }
          : null
      }
      isLoading={!cancellations}
      isEmpty={cancellations?.length === 0}
      emptyTitle="No bulk cancellations"
      icon={<CircleX />}
      list={
        <OperationList
          label="Bulk cancellations"
          rows={(cancellations ?? []).map(rowOf)}
          deletion={{
            title: 'Delete this cancellation?',
            remark: (row) =>
              row.isUnderWay
                ? 'It cancels no more runs. Those it has cancelled stay so.'
                : 'It is forgotten. The runs it cancelled stay so.',
          }}
          onDelete={async (id) => {
            await request(DeleteCancellationMutation, { id });
            refreshFunctions();
            toastDone('The cancellation is deleted');
          }}
        />
      }
      dialog={fn && isCreating && <CancelRunsDialog fn={fn} onClose={() => setCreating(false)} />}
    />
  );
}

function rowOf(cancellation: Cancellation): OperationRow {
  return {
    id: cancellation.id,
    name: nameOf(cancellation.name, 'cancellation'),
    isUnderWay: isUnderWay(cancellation),
    createdAt: cancellation.createdAt,
    endedAt: cancellation.endedAt,
    progress: progressInWords(cancellation, cancellation.runsCancelled, 'cancelled'),
    about: <AboutCancellation cancellation={cancellation} />,
  };
}

function AboutCancellation({ cancellation }: { cancellation: Cancellation }) {
  const { startedAfter, startedBefore, condition } = cancellation;
  return (
    <>
      <p>
        Queued{' '}
        {startedAfter && (
          <>
            from <Time at={startedAfter} isShort />{' '}
          </>
        )}
        until <Time at={startedBefore} isShort />
      </p>
      {condition && (
        <code className="mt-1 block break-all font-mono text-[0.8125rem]">if {condition}</code>
      )}
    </>
  );
}
