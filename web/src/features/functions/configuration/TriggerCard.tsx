import { Link } from '@tanstack/react-router';
import { Clock, Radio } from 'lucide-react';
import { Card } from '~/ui/Card';
import { CopyButton } from '~/ui/Copy';
import { scheduleOf } from '../cron';
import type { Trigger } from '../function-state';
import { CronWords } from '../Triggers';

/** What starts a function: events with their conditions, and schedules in words. */
export function TriggerCard({ triggers }: { triggers: readonly Trigger[] }) {
  return (
    <Card title="Triggers">
      {triggers.length === 0 ? (
        <p className="p-4 text-ink-soft">
          Nothing starts it by itself. It runs when it is invoked.
        </p>
      ) : (
        <ul className="divide-y divide-line">
          {triggers.map((trigger) => (
            <li
              key={`${trigger.type} ${trigger.value} ${trigger.condition}`}
              className="flex items-start gap-3 px-4 py-3"
            >
              {trigger.type === 'CRON' ? (
                <ScheduleTrigger cron={trigger.value} />
              ) : (
                <EventTrigger name={trigger.value} condition={trigger.condition} />
              )}
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

function EventTrigger({ name, condition }: { name: string; condition: string | null }) {
  return (
    <>
      <Radio className="mt-1 size-4 shrink-0 text-ink-faint" aria-hidden />
      <div className="min-w-0">
        <span className="sr-only">Event </span>
        <Link
          to="/event-types/$name"
          params={{ name }}
          className="break-all font-mono text-[0.8125rem] text-accent hover:underline"
        >
          {name}
        </Link>
        {condition && (
          <p className="mt-1 flex items-start gap-2">
            <span className="text-ink-soft">if</span>
            <code className="min-w-0 break-all font-mono text-[0.8125rem] leading-6">
              {condition}
            </code>
            <CopyButton text={condition} label="Copy the condition" />
          </p>
        )}
      </div>
    </>
  );
}

function ScheduleTrigger({ cron }: { cron: string }) {
  const { fields, zone } = scheduleOf(cron);
  return (
    <>
      <Clock className="mt-0.5 size-4 shrink-0 text-ink-faint" aria-hidden />
      <div className="min-w-0">
        <p>
          <CronWords cron={cron} />
        </p>
        <p className="text-ink-soft">
          <code className="font-mono text-[0.8125rem]">{fields}</code>, time zone {zone}
        </p>
      </div>
    </>
  );
}
