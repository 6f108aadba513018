import { Link } from '@tanstack/react-router';
import { lookOf } from '~/lib/status';
import { Dot } from '~/ui/Status';

const SHOWN_MAX = 2;

interface StartedRun {
  id: string;
  status: string;
  function: { name: string };
}

interface RunPillsProps {
  runs: readonly StartedRun[];
  /** Of the links; in a table, only those of one row are reached by Tab. */
  tabIndex?: 0 | -1;
}

/** The runs of an event, as links: the first ones by name, of the others how many they are. */
export function RunPills({ runs, tabIndex }: RunPillsProps) {
  const sorted = failedFirst(runs);
  if (runs.length === 0) return <span className="text-ink-faint">No functions</span>;
  const others = sorted.slice(SHOWN_MAX);
  return (
    <span className="flex min-w-0 items-center gap-1.5">
      {sorted.slice(0, SHOWN_MAX).map((run) => (
        <RunPill key={run.id} run={run} tabIndex={tabIndex} />
      ))}
      {others.length > 0 && (
        <span className="shrink-0 text-ink-soft text-xs" title={others.map(inWords).join('\n')}>
          +{others.length.toLocaleString()}
        </span>
      )}
    </span>
  );
}

/** What failed must not be hidden behind a number; else by name, so that pills keep their places. */
export function failedFirst<Run extends StartedRun>(runs: readonly Run[]): Run[] {
  const rank = ({ status }: Run) => (lookOf(status).tone === 'bad' ? 0 : 1);
  return runs.toSorted(
    (a, b) =>
      rank(a) - rank(b) || a.function.name.localeCompare(b.function.name) || (a.id < b.id ? -1 : 1),
  );
}

function RunPill({ run, tabIndex }: { run: StartedRun; tabIndex: 0 | -1 | undefined }) {
  const { tone, title } = lookOf(run.status);
  return (
    <Link
      to="/runs/$runId"
      params={{ runId: run.id }}
      preload={false}
      tabIndex={tabIndex}
      title={inWords(run)}
      className="inline-flex h-6 min-w-0 max-w-56 items-center gap-1.5 rounded border border-line bg-canvas px-1.5 text-ink-soft text-xs hover:border-line-strong hover:text-ink"
    >
      <Dot tone={tone} isPulsing={run.status === 'RUNNING'} />
      <span className="truncate">{run.function.name}</span>
      <span className="sr-only">: {title}</span>
    </Link>
  );
}

function inWords(run: StartedRun): string {
  return `${run.function.name}: ${lookOf(run.status).title}`;
}
