import { CircleCheck } from 'lucide-react';
import { formatDurationShort } from '~/lib/duration';
import { graphql } from '~/lib/graphql';
import { useLiveQuery } from '~/lib/queries';
import { Card, Fact, Facts } from '~/ui/Card';
import { ErrorNotice } from '~/ui/Notice';
import { Skeleton } from '~/ui/Skeleton';
import { timersInWords } from './queue-words';

const FunctionQueueQuery = graphql(`
  query FunctionQueue($slug: String!) {
    functionQueue(functionSlug: $slug) {
      runs
      requests
      running
      oldestAgeMs
      waiting { constraint items message }
      timers { kind items }
    }
  }
`);

/** Counting costs the server something where much is queued. */
const REFRESH_MS = 5_000;

/** What waits for a function now, and what holds it up. */
export function QueueNow({ slug, functionId }: { slug: string; functionId: string }) {
  const { data, error, refetch } = useLiveQuery(
    FunctionQueueQuery,
    { slug },
    {
      changedBy: ({ runs, cut }) => cut || Object.values(runs).includes(functionId),
      everyMs: REFRESH_MS,
    },
  );
  const queue = data?.functionQueue;
  const besides = queue && timersInWords(queue.timers);
  return (
    <Card title="Queue now">
      {error && !queue ? (
        <div className="p-4">
          <ErrorNotice
            title="The queue could not be read"
            error={error}
            onRetry={() => void refetch()}
          />
        </div>
      ) : !queue ? (
        <Skeleton lines={3} />
      ) : (
        <div className="flex flex-col gap-3 p-4">
          <Facts>
            <Fact name="Runs that wait to start">{queue.runs.toLocaleString()}</Fact>
            <Fact name="Requests that wait">{queue.requests.toLocaleString()}</Fact>
            <Fact name="Under way">{queue.running.toLocaleString()}</Fact>
            <Fact name="Oldest waits for">
              {queue.oldestAgeMs > 0 ? formatDurationShort(queue.oldestAgeMs) : '–'}
            </Fact>
          </Facts>
          {queue.waiting.length > 0 ? (
            <div>
              <h3 className="font-medium">What holds it up</h3>
              <ul className="mt-1 flex flex-col gap-1">
                {queue.waiting.map(({ constraint, message }) => (
                  <li key={constraint} className="break-words text-ink-soft">
                    {message}
                  </li>
                ))}
              </ul>
            </div>
          ) : (
            <p className="flex items-center gap-2 text-ink-soft">
              <CircleCheck className="size-4 text-good-ink" aria-hidden />
              Nothing is held up.
            </p>
          )}
          {besides && <p className="text-ink-soft">Besides: {besides}.</p>}
        </div>
      )}
    </Card>
  );
}
