import { Link } from '@tanstack/react-router';
import { Sparkles } from 'lucide-react';
import { formatAge, formatUtc, useNow } from '~/lib/time';
import { StatusText } from '~/ui/Status';
import { Duration, Time } from '~/ui/Time';
import type { Column } from '~/ui/table/columns';
import { RunTrigger } from './RunTrigger';
import type { RunRow } from './run-source';

export const RUN_COLUMNS = [
  'status',
  'id',
  'trigger',
  'function',
  'app',
  'queuedAt',
  'startedAt',
  'endedAt',
  'duration',
] as const;
/** Lists of all runs, and of a function's. */
export type ListKind = 'env' | 'fn';
export type RunColumn = (typeof RUN_COLUMNS)[number];

const COLUMNS: Record<RunColumn, Column<RunRow>> = {
  status: {
    id: 'status',
    title: 'Status',
    width: 110,
    cell: ({ status }) => <StatusText status={status} />,
  },
  id: {
    id: 'id',
    title: 'Run ID',
    width: 224,
    cell: ({ id }, tabIndex) => <RunLink id={id} tabIndex={tabIndex} />,
  },
  trigger: {
    id: 'trigger',
    title: 'Trigger',
    width: 120,
    isGrowing: true,
    cell: (run) => <RunTrigger run={run} />,
  },
  function: {
    id: 'function',
    title: 'Function',
    width: 150,
    isGrowing: true,
    cell: ({ function: { name, slug }, hasAI }) => (
      <span
        title={name || slug}
        className="inline-flex max-w-full items-center gap-1.5 align-middle"
      >
        <span className="truncate">{name || slug}</span>
        {hasAI && (
          <Sparkles className="size-3.5 shrink-0 text-queued-ink" aria-label="calls a model" />
        )}
      </span>
    ),
  },
  app: {
    id: 'app',
    title: 'App',
    width: 120,
    isGrowing: true,
    cell: ({ app }) => <span title={app.externalID}>{app.externalID}</span>,
  },
  queuedAt: {
    id: 'queuedAt',
    title: 'Queued',
    width: 146,
    cell: ({ queuedAt }) => <TimeCell at={queuedAt} />,
  },
  startedAt: {
    id: 'startedAt',
    title: 'Started',
    width: 146,
    cell: ({ startedAt }) => <TimeCell at={startedAt} />,
  },
  endedAt: {
    id: 'endedAt',
    title: 'Ended',
    width: 146,
    cell: ({ endedAt }) => <TimeCell at={endedAt} />,
  },
  duration: {
    id: 'duration',
    title: 'Duration',
    width: 88,
    isNumber: true,
    cell: ({ startedAt, endedAt }) => <Duration from={startedAt} to={endedAt} isShort />,
  },
};

/** The columns that can be shown, and whether they are before somebody chose. */
export function columnsOf(kind: ListKind): { id: RunColumn; title: string; isDefault: boolean }[] {
  const absent: readonly RunColumn[] = kind === 'env' ? [] : ['function', 'app'];
  const hidden: readonly RunColumn[] = kind === 'env' ? ['app', 'startedAt', 'endedAt'] : [];
  return RUN_COLUMNS.filter((id) => !absent.includes(id)).map((id) => ({
    id,
    title: COLUMNS[id].title,
    isDefault: !hidden.includes(id),
  }));
}

/** Short forms of columns, for a phone. */
const NARROW: Partial<Record<RunColumn, Column<RunRow>>> = {
  status: COLUMNS.status,
  function: { ...COLUMNS.function, width: 96 },
  queuedAt: { ...COLUMNS.queuedAt, width: 88, cell: ({ queuedAt }) => <Age at={queuedAt} /> },
};

/** The columns to draw, in their order. On a phone there is room for three; the rest is in the details. */
export function shownColumns(
  ids: readonly RunColumn[],
  kind: ListKind,
  isNarrow: boolean,
): Column<RunRow>[] {
  const possible = columnsOf(kind).map(({ id }) => id);
  if (!isNarrow) return possible.filter((id) => ids.includes(id)).map((id) => COLUMNS[id]);
  const fitting = possible.flatMap((id) => NARROW[id] ?? []);
  // Without the function there is room for what started the run.
  return kind === 'env' ? fitting : fitting.toSpliced(1, 0, { ...COLUMNS.trigger, width: 96 });
}

function TimeCell({ at }: { at: string | null }) {
  return (
    <span className="text-[0.8125rem]">
      <Time at={at} isShort />
    </span>
  );
}

/** How long ago, in little room: "6 m ago". */
function Age({ at }: { at: string }) {
  const now = useNow(10000);
  return (
    <time dateTime={at} title={formatUtc(at)} className="text-[0.8125rem]">
      {formatAge(at, now)}
    </time>
  );
}

function RunLink({ id, tabIndex }: { id: string; tabIndex: 0 | -1 }) {
  return (
    <Link
      to="/runs/$runId"
      params={{ runId: id }}
      preload={false}
      tabIndex={tabIndex}
      data-control="visit"
      className="font-mono text-[0.8125rem] hover:text-accent hover:underline"
    >
      {id}
    </Link>
  );
}
