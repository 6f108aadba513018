import { cn } from '~/lib/cn';
import { config } from '~/lib/config';
import { type LiveState, useLiveState } from '~/lib/live';
import type { Tone } from '~/lib/status';
import { Dot } from '~/ui/Status';

const TEXTS: Record<LiveState, { title: string; tone: Tone }> = {
  live: { title: 'Live', tone: 'good' },
  connecting: { title: 'Connecting', tone: 'calm' },
  down: { title: 'Reconnecting', tone: 'waiting' },
};

/** Whether changes are told, and the server's version. */
export function LiveMark({ isNarrow }: { isNarrow: boolean }) {
  const { title, tone } = TEXTS[useLiveState()];
  return (
    <span
      title={`${title}; Stepwell ${config.version}`}
      className="flex min-w-0 items-center gap-2 px-1 text-ink-soft text-xs"
    >
      <Dot tone={tone} />
      <span className={cn('truncate', isNarrow && 'sr-only')}>
        {title} · {config.version}
      </span>
    </span>
  );
}
