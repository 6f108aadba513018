import { cn } from '~/lib/cn';
import { lookOf, type Tone } from '~/lib/status';

export const TONE_SOLID: Record<Tone, string> = {
  good: 'bg-good-solid',
  bad: 'bg-bad-solid',
  busy: 'bg-busy-solid',
  queued: 'bg-queued-solid',
  waiting: 'bg-waiting-solid',
  calm: 'bg-calm-solid',
};
export const TONE_SOFT: Record<Tone, string> = {
  good: 'bg-good-soft text-good-ink',
  bad: 'bg-bad-soft text-bad-ink',
  busy: 'bg-busy-soft text-busy-ink',
  queued: 'bg-queued-soft text-queued-ink',
  waiting: 'bg-waiting-soft text-waiting-ink',
  calm: 'bg-calm-soft text-calm-ink',
};
export const TONE_INK: Record<Tone, string> = {
  good: 'text-good-ink',
  bad: 'text-bad-ink',
  busy: 'text-busy-ink',
  queued: 'text-queued-ink',
  waiting: 'text-waiting-ink',
  calm: 'text-calm-ink',
};

/** A dot in the colour of a tone. Never alone: a word stands beside it. */
export function Dot({ tone, isPulsing = false }: { tone: Tone; isPulsing?: boolean }) {
  return (
    <span
      aria-hidden
      className={cn('size-2 shrink-0 rounded-full', TONE_SOLID[tone], isPulsing && 'animate-pulse')}
    />
  );
}

/** Dot and word, for tables. */
export function StatusText({ status }: { status: string }) {
  const { title, tone } = lookOf(status);
  return (
    <span className="inline-flex items-center gap-2 whitespace-nowrap">
      <Dot tone={tone} isPulsing={status === 'RUNNING'} />
      {title}
    </span>
  );
}

/** A coloured label, for headings. */
export function StatusBadge({ status }: { status: string }) {
  const { title, tone } = lookOf(status);
  return (
    <Badge tone={tone}>
      <Dot tone={tone} isPulsing={status === 'RUNNING'} />
      {title}
    </Badge>
  );
}

export function Badge({ tone = 'calm', children }: { tone?: Tone; children: React.ReactNode }) {
  return (
    <span
      className={cn(
        'inline-flex h-5.5 items-center gap-1.5 whitespace-nowrap rounded-full px-2 font-medium text-xs',
        TONE_SOFT[tone],
      )}
    >
      {children}
    </span>
  );
}
