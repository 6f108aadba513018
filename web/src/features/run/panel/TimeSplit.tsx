import { cn } from '~/lib/cn';
import { formatDuration } from '~/lib/duration';
import { useNow } from '~/lib/time';
import { breakdownOf, httpPhasesOf, type Part } from '../timeline/breakdown';
import type { TraceNode } from '../timeline/node';

const COLOURS = ['bg-calm-solid', 'bg-waiting-solid', 'bg-queued-solid', 'bg-accent'];

/** Where the time of a step went: finding it, waiting for its turn, running it. */
export function TimeSplit({ node, beforeMs }: { node: TraceNode; beforeMs: number | null }) {
  const nowMs = useNow(node.endedMs === null ? 1000 : null);
  const parts = breakdownOf(node, beforeMs, nowMs);
  const phases = httpPhasesOf(node);
  if (parts.length < 2 && phases.length === 0) return null;
  return (
    <section className="flex flex-col gap-1.5">
      <h3 className="text-ink-faint text-xs">Where the time went</h3>
      <Split parts={parts} />
      {phases.length > 0 && <Split parts={phases} title="of the call" />}
    </section>
  );
}

function Split({ parts, title }: { parts: Part[]; title?: string }) {
  const total = parts.reduce((sum, { ms }) => sum + ms, 0);
  return (
    <>
      <div aria-hidden className="flex h-1.5 gap-px overflow-hidden rounded-full">
        {parts.map(({ name, ms }, index) => (
          <span
            key={name}
            className={cn('min-w-0.5', colourOf(parts, index))}
            style={{ width: `${(ms / total) * 100}%` }}
          />
        ))}
      </div>
      <ul className="flex flex-wrap gap-x-4 gap-y-0.5 text-xs">
        {parts.map(({ name, ms, about }, index) => (
          <li key={name} title={about} className="inline-flex items-center gap-1.5">
            <span aria-hidden className={cn('size-2 rounded-sm', colourOf(parts, index))} />
            <span className="text-ink-soft">{name}</span>
            <span className="tabular-nums">{formatDuration(ms)}</span>
          </li>
        ))}
        {title && <li className="text-ink-faint">{title}</li>}
      </ul>
    </>
  );
}

/** The last part is the work itself: it has the strongest colour. */
function colourOf(parts: readonly Part[], index: number): string {
  const isLast = index === parts.length - 1;
  return COLOURS[isLast ? COLOURS.length - 1 : index % (COLOURS.length - 1)] ?? '';
}
