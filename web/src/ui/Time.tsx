import { formatDuration, formatDurationShort } from '~/lib/duration';
import { formatRelative, formatTime, formatTimeShort, formatUtc, useNow } from '~/lib/time';

interface TimeProps {
  /** RFC 3339, or null for what has not happened. */
  at: string | null | undefined;
  /** Leaves the date out if it is today's. */
  isShort?: boolean;
}

/** An instant in the reader's zone; UTC with milliseconds when pointed at. */
export function Time({ at, isShort = false }: TimeProps) {
  if (!at) return <span className="text-ink-faint">–</span>;
  return (
    <time dateTime={at} title={formatUtc(at)} className="whitespace-nowrap tabular-nums">
      {isShort ? formatTimeShort(at) : formatTime(at)}
    </time>
  );
}

/** An instant as its distance from now: "5 minutes ago", "in 2 hours". */
export function RelativeTime({ at }: { at: string | null | undefined }) {
  const now = useNow(1000);
  if (!at) return <span className="text-ink-faint">never</span>;
  return (
    <time
      dateTime={at}
      title={`${formatTime(at)} (${formatUtc(at)})`}
      className="whitespace-nowrap"
    >
      {formatRelative(at, now)}
    </time>
  );
}

interface DurationProps {
  from: string | null | undefined;
  /** Null while it goes on: the duration grows then. */
  to: string | null | undefined;
  isShort?: boolean;
}

export function Duration({ from, to, isShort = false }: DurationProps) {
  const now = useNow(from && !to ? 1000 : null);
  if (!from) return <span className="text-ink-faint">–</span>;
  const ms = (to ? new Date(to).getTime() : now) - new Date(from).getTime();
  const text = isShort ? formatDurationShort(ms) : formatDuration(ms);
  return <span className="whitespace-nowrap tabular-nums">{text}</span>;
}
