import { graphql } from '~/lib/graphql';
import { useLiveQuery } from '~/lib/queries';
import { ErrorNotice } from '~/ui/Notice';
import { Page } from '~/ui/Page';
import { Skeleton } from '~/ui/Skeleton';
import { CallsCard } from './CallsCard';
import { Documents } from './Documents';
import { NodesCard } from './NodesCard';
import { PartitionsCard } from './PartitionsCard';
import { RetentionCard } from './RetentionCard';
import { ServerFacts } from './ServerFacts';
import { SlowWorkCard } from './SlowWorkCard';
import { StoreFacts } from './StoreFacts';

/** Nothing tells that these numbers change, so they are asked for. */
const POLL_MS = 5_000;

const ServerQuery = graphql(`
  query Server {
    server {
      version kind startedAt store databasePath databaseBytes walBytes queueDepth
      functionCount appCount callsUnderWay callsMax subscribers
      environment { id name }
      nodes { id name version joinedAt leaseUntil state isThis partitions }
      partitions { id nodeID }
      slowestCalls { runID functionSlug functionName attempt since stepID }
      slowWork { kind what at durationMs }
      commits { count p50Ms p99Ms transitionsPerCommit }
    }
  }
`);

/** What the server is, what it is doing, and what it keeps. */
export function ServerPage() {
  const { data, error, refetch } = useLiveQuery(ServerQuery, {}, { everyMs: POLL_MS });
  return (
    <Page title="Server">
      <div className="flex flex-col gap-4">
        {error && (
          <ErrorNotice
            title={data ? 'These numbers are old' : 'The server could not be asked'}
            error={error}
            onRetry={() => void refetch()}
          />
        )}
        {!data && !error && <Skeleton lines={10} />}
        {data && (
          <>
            <ServerFacts server={data.server} />
            <StoreFacts server={data.server} />
            <NodesCard nodes={data.server.nodes} partitions={data.server.partitions} />
            {data.server.partitions.length > 1 && (
              <PartitionsCard nodes={data.server.nodes} partitions={data.server.partitions} />
            )}
            <CallsCard server={data.server} hasOthers={data.server.nodes.length > 1} />
          </>
        )}
        <RetentionCard />
        {data && <SlowWorkCard work={data.server.slowWork} />}
        <Documents />
      </div>
    </Page>
  );
}
