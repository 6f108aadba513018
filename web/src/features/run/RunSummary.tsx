import { Link } from '@tanstack/react-router';
import { Fact } from '~/ui/Card';
import { Id } from '~/ui/Copy';
import { StatusBadge } from '~/ui/Status';
import { Duration, Time } from '~/ui/Time';
import type { RunFacts } from './queries';

/** An event of the future starts its run later than it is queued; less than this is no delay. */
const DELAY_SHOWN_MS = 1_000;

/** Which run it is, and when it did what. */
export function RunSummary({ run, isInline }: { run: RunFacts; isInline: boolean }) {
  const delayMs = Date.parse(run.scheduledAt) - Date.parse(run.queuedAt);
  return (
    <dl className="flex min-w-0 flex-1 flex-wrap gap-x-8 gap-y-2 px-4 py-3">
      {isInline && (
        <Fact name="Status">
          <StatusBadge status={run.status} />
        </Fact>
      )}
      <Fact name="Run">
        <Id id={run.id} className="max-w-full" />
      </Fact>
      <Fact name="Function">
        <Link
          to="/functions/$slug"
          params={{ slug: run.function.slug }}
          className="block truncate text-accent hover:underline"
          title={run.function.name}
        >
          {run.function.name}
        </Link>
      </Fact>
      <Fact name="App">
        <Link
          to="/apps/$appId"
          params={{ appId: run.app.id }}
          className="block truncate text-accent hover:underline"
          title={run.app.externalID}
        >
          {run.app.name || run.app.externalID}
        </Link>
      </Fact>
      <Fact name="Duration">
        <Duration from={run.startedAt ?? run.queuedAt} to={run.endedAt} />
      </Fact>
      <Fact name="Queued">
        <Time at={run.queuedAt} isShort />
      </Fact>
      {delayMs > DELAY_SHOWN_MS && (
        <Fact name="Planned for">
          <Time at={run.scheduledAt} isShort />
        </Fact>
      )}
      <Fact name="Started">
        <Time at={run.startedAt} isShort />
      </Fact>
      <Fact name="Ended">
        <Time at={run.endedAt} isShort />
      </Fact>
    </dl>
  );
}
