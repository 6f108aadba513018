import { History } from 'lucide-react';
import { lazy, useState } from 'react';
import { graphql, type ResultOf } from '~/lib/graphql';
import { useLiveQuery } from '~/lib/queries';
import { request } from '~/lib/request';
import { StatusText } from '~/ui/Status';
import { Time } from '~/ui/Time';
import { toastDone } from '~/ui/toasts';
import { isArchived } from '../function-state';
import { refreshFunctions, useFunction } from '../queries';
import { OperationList, type OperationRow } from './OperationList';
import { OperationsTab } from './OperationsTab';
import { isUnderWay, nameOf, progressInWords } from './progress';

const ReplayDialog = lazy(() => import('../actions/ReplayDialog'));

const ReplaysQuery = graphql(`
  query Replays($slug: String!) {
    replays(functionSlug: $slug) {
      id
      name
      createdAt
      endedAt
      from
      until
      statuses
      condition
      ratePerSecond
      status
      runsSeen
      runsReplayed
      runsFailed
    }
  }
`);
const DeleteReplayMutation = graphql(`
  mutation DeleteReplay($id: ULID!) { deleteReplay(id: $id) }
`);

type Replay = ResultOf<typeof ReplaysQuery>['replays'][number];

const REFRESH_MS = 2_500;

/** Replays of a function's runs, with how far they are. */
export function ReplaysTab({ slug }: { slug: string }) {
  const [isCreating, setCreating] = useState(false);
  const { fn } = useFunction(slug);
  const { data, error, refetch } = useLiveQuery(ReplaysQuery, { slug }, { everyMs: REFRESH_MS });
  const replays = data?.replays;
  const mayCreate = fn && !isArchived(fn) && fn.app.method !== 'API';
  return (
    <OperationsTab
      about="A replay runs many runs again, from their first step: after an outage, or once a defect is corrected."
      create={mayCreate ? 'New replay' : null}
      onCreate={() => setCreating(true)}
      error={
        error && !replays
          ? {
              title: 'The replays could not be loaded',
              reason: error,
              retry: () => void refetch(),
            }
          : null
      }
      isLoading={!replays}
      isEmpty={replays?.length === 0}
      emptyTitle="No replays"
      icon={<History />}
      list={
        <OperationList
          label="Replays"
          rows={(replays ?? []).map(rowOf)}
          deletion={{
            title: 'Delete this replay?',
            remark: (row) =>
              row.isUnderWay
                ? 'It starts no more runs. Those it has started go on.'
                : 'It is forgotten. The runs it started stay.',
          }}
          onDelete={async (id) => {
            await request(DeleteReplayMutation, { id });
            refreshFunctions();
            toastDone('The replay is deleted');
          }}
        />
      }
      dialog={fn && isCreating && <ReplayDialog fn={fn} onClose={() => setCreating(false)} />}
    />
  );
}

function rowOf(replay: Replay): OperationRow {
  return {
    id: replay.id,
    name: nameOf(replay.name, 'replay'),
    isUnderWay: isUnderWay(replay),
    createdAt: replay.createdAt,
    endedAt: replay.endedAt,
    progress: progressInWords(replay, replay.runsReplayed, 'replayed'),
    about: <AboutReplay replay={replay} />,
  };
}

function AboutReplay({ replay }: { replay: Replay }) {
  return (
    <>
      <p className="flex flex-wrap items-center gap-x-3">
        {replay.statuses.map((status) => (
          <StatusText key={status} status={status.toUpperCase()} />
        ))}
        <span>
          queued from <Time at={replay.from} /> to <Time at={replay.until} />
        </span>
        {replay.ratePerSecond !== null && <span>at most {replay.ratePerSecond} a second</span>}
      </p>
      {replay.condition && (
        <code className="mt-1 block break-all font-mono text-[0.8125rem]">
          if {replay.condition}
        </code>
      )}
    </>
  );
}
