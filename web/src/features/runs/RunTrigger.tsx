import { Clock, Layers, Radio } from 'lucide-react';
import { Pill } from '~/ui/Pill';
import type { RunRow } from './run-source';

/** What started a run: a batch, a schedule or an event. */
export function RunTrigger({ run }: { run: RunRow }) {
  if (run.isBatch) {
    return (
      <Pill icon={<Layers aria-hidden />} title={run.eventName ?? 'A batch of events'}>
        Batch
      </Pill>
    );
  }
  if (run.cronSchedule) {
    return (
      <Pill icon={<Clock aria-hidden />} title={`Schedule ${run.cronSchedule}`} isMono>
        {run.cronSchedule}
      </Pill>
    );
  }
  if (!run.eventName) return <span className="text-ink-faint">–</span>;
  return (
    <Pill icon={<Radio aria-hidden />} title={run.eventName}>
      {run.eventName}
    </Pill>
  );
}
