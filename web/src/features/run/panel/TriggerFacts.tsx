import { Link } from '@tanstack/react-router';
import { Fact } from '~/ui/Card';
import { Id } from '~/ui/Copy';
import { ErrorNotice } from '~/ui/Notice';
import { Skeleton } from '~/ui/Skeleton';
import { Time } from '~/ui/Time';
import type { RunTrigger } from '../queries';
import { useRunTrigger } from '../useRun';
import { PanelFacts } from './PanelFacts';
import { nameOfEvent, scheduleTimes } from './trigger';

/** What started a run: an event, a schedule, or several events together. */
export function TriggerFacts({ runId }: { runId: string }) {
  const { data, error, refetch } = useRunTrigger(runId);
  if (error && !data) {
    return (
      <ErrorNotice
        title="What started the run could not be loaded"
        error={error}
        onRetry={() => void refetch()}
      />
    );
  }
  if (!data) return <Skeleton lines={2} />;
  const trigger = data.runTrigger;
  if (trigger.isBatch) return <BatchFacts trigger={trigger} />;
  if (trigger.cron !== null) return <ScheduleFacts trigger={trigger} cron={trigger.cron} />;
  return (
    <PanelFacts>
      <Fact name="Event">
        <code className="break-words font-mono text-[0.8125rem]">
          {trigger.eventName ?? nameOfEvent(trigger.payloads[0])}
        </code>
      </Fact>
      <EventFact id={trigger.IDs[0]} />
      <Fact name="Received">
        <Time at={trigger.timestamp} isShort />
      </Fact>
    </PanelFacts>
  );
}

function ScheduleFacts({ trigger, cron }: { trigger: RunTrigger; cron: string }) {
  const { plannedFor, firedAt } = scheduleTimes(trigger);
  return (
    <PanelFacts>
      <Fact name="Schedule">
        <code className="font-mono text-[0.8125rem]">{cron}</code>
      </Fact>
      {plannedFor && (
        <Fact name="Planned for">
          <Time at={plannedFor} isShort />
        </Fact>
      )}
      {firedAt && firedAt !== plannedFor && (
        <Fact name="Due">
          <Time at={firedAt} isShort />
        </Fact>
      )}
      <EventFact id={trigger.IDs[0]} />
    </PanelFacts>
  );
}

function BatchFacts({ trigger }: { trigger: RunTrigger }) {
  return (
    <>
      <PanelFacts>
        <Fact name="Batch">
          {trigger.IDs.length === 1 ? '1 event' : `${trigger.IDs.length.toLocaleString()} events`}
        </Fact>
        {trigger.batchID && (
          <Fact name="Batch id">
            <Id id={trigger.batchID} className="max-w-full" />
          </Fact>
        )}
        <Fact name="First received">
          <Time at={trigger.timestamp} isShort />
        </Fact>
      </PanelFacts>
      <section
        aria-label="Events of the batch"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
        tabIndex={0}
        className="max-h-48 overflow-y-auto rounded-md border border-line"
      >
        <ul className="divide-y divide-line">
          {trigger.IDs.map((id, index) => (
            <li key={id} className="flex items-center justify-between gap-3 px-3 py-1">
              <code className="min-w-0 truncate font-mono text-xs">
                {trigger.eventName ?? nameOfEvent(trigger.payloads[index])}
              </code>
              <EventLink id={id} />
            </li>
          ))}
        </ul>
      </section>
    </>
  );
}

function EventFact({ id }: { id: string | undefined }) {
  if (id === undefined) return null;
  return (
    <Fact name="Event id">
      <EventLink id={id} />
    </Fact>
  );
}

function EventLink({ id }: { id: string }) {
  return (
    <Link
      to="/events/$eventId"
      params={{ eventId: id }}
      className="block truncate font-mono text-[0.8125rem] text-accent hover:underline"
      title={id}
    >
      {id}
    </Link>
  );
}
