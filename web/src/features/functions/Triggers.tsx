import { Clock, Radio } from 'lucide-react';
import { lazy, Suspense } from 'react';
import { Pill } from '~/ui/Pill';
import type { Trigger } from './function-state';

const CronText = lazy(() => import('./CronText'));

/** A schedule in words; what is written stands there until they are loaded. */
export function CronWords({ cron }: { cron: string }) {
  return (
    <Suspense fallback={cron}>
      <CronText cron={cron} />
    </Suspense>
  );
}

/** One thing that starts a function. */
export function TriggerPill({ trigger }: { trigger: Trigger }) {
  if (trigger.type === 'CRON') {
    return (
      <Pill icon={<Clock aria-hidden />} title={trigger.value}>
        <CronWords cron={trigger.value} />
      </Pill>
    );
  }
  const condition = trigger.condition ? ` if ${trigger.condition}` : '';
  return (
    <Pill icon={<Radio aria-hidden />} title={`${trigger.value}${condition}`} isMono>
      {trigger.value}
    </Pill>
  );
}

/** What starts a function: the first two, and how many there are besides. */
export function TriggerPills({ triggers }: { triggers: readonly Trigger[] }) {
  const shown = triggers.slice(0, 2);
  const rest = triggers.slice(2);
  if (shown.length === 0) return <span className="text-ink-faint">only invoked</span>;
  return (
    <span className="flex min-w-0 items-center gap-1">
      {shown.map((trigger) => (
        <TriggerPill
          key={`${trigger.type} ${trigger.value} ${trigger.condition}`}
          trigger={trigger}
        />
      ))}
      {rest.length > 0 && (
        <span
          className="shrink-0 text-ink-faint text-xs"
          title={rest.map(({ value }) => value).join('\n')}
        >
          +{rest.length}
        </span>
      )}
    </span>
  );
}
