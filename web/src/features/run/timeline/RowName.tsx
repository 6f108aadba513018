import {
  Activity,
  ChevronRight,
  CircleSlash,
  CircleX,
  CornerDownRight,
  LoaderCircle,
  type LucideIcon,
  Mail,
  Moon,
  Play,
  Radio,
  RotateCw,
  Sparkles,
  SquareCode,
  SquareFunction,
} from 'lucide-react';
import { cn } from '~/lib/cn';
import { formatDurationShort } from '~/lib/duration';
import { lookOf, type Tone } from '~/lib/status';
import { TONE_INK } from '~/ui/Status';
import type { NodeKind, TraceNode } from './node';
import { parallelWords } from './parallel';
import type { Row } from './rows';

const ICONS: Record<NodeKind, LucideIcon> = {
  run: Play,
  step: SquareCode,
  sleep: Moon,
  event: Mail,
  signal: Radio,
  invoke: CornerDownRight,
  model: Sparkles,
  attempt: RotateCw,
  function: SquareFunction,
  user: Activity,
};
/** What went well needs no mark, and what waits says so in its bar. */
const MARKS: Partial<Record<Tone, LucideIcon>> = {
  bad: CircleX,
  busy: LoaderCircle,
  calm: CircleSlash,
};
const INDENT_REM = 0.875;
/** Deeper rows are not moved further to the right: their names must stay readable. */
const DEEPEST_INDENT = 8;

/** The left part of a row: its place in the tree, its name and how long it took. */
export function RowName({ row, ms, onToggle }: { row: Row; ms: number; onToggle: () => void }) {
  const { node, level, isExpanded, parallel } = row;
  const Icon = ICONS[node.kind];
  return (
    <div className="@container flex h-full min-w-0 items-center gap-1.5 pr-2.5">
      <span
        className="flex h-full shrink-0 items-center justify-end"
        style={{
          width:
            level === 1
              ? '0.75rem'
              : `${Math.min(level - 2, DEEPEST_INDENT) * INDENT_REM + 1.75}rem`,
        }}
      >
        {isExpanded !== undefined && level > 1 && (
          <button
            type="button"
            tabIndex={-1}
            aria-label={isExpanded ? 'Collapse' : 'Expand'}
            className="flex size-6 items-center justify-center rounded text-ink-faint hover:bg-hover hover:text-ink"
            onClick={(event) => {
              event.stopPropagation();
              onToggle();
            }}
          >
            <ChevronRight
              aria-hidden
              className={cn('size-3.5 transition-transform', isExpanded && 'rotate-90')}
            />
          </button>
        )}
      </span>
      {parallel && <Brace parallel={parallel} />}
      <Icon aria-hidden className="size-3.5 shrink-0 text-ink-faint" />
      <span
        className={cn(
          'min-w-0 truncate',
          level === 1 ? 'font-medium' : 'font-mono text-[0.8125rem]',
        )}
        title={node.name}
      >
        {node.name}
      </span>
      {node.attemptCount > 1 && (
        <span className="shrink-0 rounded bg-hover px-1 text-ink-soft text-xs tabular-nums">
          {node.attemptCount}
          <span aria-hidden>×</span>
          <span className="sr-only"> attempts</span>
        </span>
      )}
      <StatusMark node={node} />
      {parallel?.isFirst && (
        <span className="@[17rem]:inline hidden shrink-0 whitespace-nowrap text-ink-faint text-xs">
          {parallelWords(parallel.group)}
        </span>
      )}
      <span className="@[9rem]:inline ml-auto hidden shrink-0 pl-1 text-ink-faint text-xs tabular-nums">
        {node.startedMs === null ? '' : formatDurationShort(ms)}
      </span>
    </div>
  );
}

function StatusMark({ node }: { node: TraceNode }) {
  const { title, tone } = lookOf(node.status);
  const Mark = MARKS[tone];
  return (
    <>
      {Mark && (
        <Mark
          aria-hidden
          className={cn('size-3.5 shrink-0', TONE_INK[tone], tone === 'busy' && 'animate-spin')}
        />
      )}
      <span className="sr-only">{title}</span>
    </>
  );
}

/** A line beside steps that went on at the same time. */
function Brace({ parallel }: { parallel: NonNullable<Row['parallel']> }) {
  const { isFirst, isLast } = parallel;
  return (
    <span
      aria-hidden
      title={parallelWords(parallel.group)}
      className={cn(
        '-ml-1 w-1.5 shrink-0 self-stretch border-line-strong border-l-2',
        isFirst && 'mt-1.5 rounded-tl-md border-t-2',
        isLast && 'mb-1.5 rounded-bl-md border-b-2',
      )}
    />
  );
}
