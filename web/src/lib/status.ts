/** Statuses of runs and spans: one table decides what each is called and how it looks. */

export const RUN_STATUSES = [
  'QUEUED',
  'RUNNING',
  'COMPLETED',
  'FAILED',
  'CANCELLED',
  'SKIPPED',
] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];
export type SpanStatus = RunStatus | 'WAITING';

/** The family of colours of a status; every one has tokens `--<tone>-solid`, `-ink` and `-soft`. */
export type Tone = 'good' | 'bad' | 'busy' | 'queued' | 'waiting' | 'calm';

interface StatusLook {
  title: string;
  tone: Tone;
}

const LOOKS: Record<SpanStatus, StatusLook> = {
  QUEUED: { title: 'Queued', tone: 'queued' },
  RUNNING: { title: 'Running', tone: 'busy' },
  WAITING: { title: 'Waiting', tone: 'waiting' },
  COMPLETED: { title: 'Completed', tone: 'good' },
  FAILED: { title: 'Failed', tone: 'bad' },
  CANCELLED: { title: 'Cancelled', tone: 'calm' },
  SKIPPED: { title: 'Skipped', tone: 'calm' },
};

/** How a status looks; the server may one day send one that this page does not know. */
export function lookOf(status: string): StatusLook {
  return LOOKS[status as SpanStatus] ?? { title: sentenceCase(status), tone: 'calm' };
}

/** Whether nothing more will happen. */
export function isEnded(status: string): boolean {
  return status !== 'QUEUED' && status !== 'RUNNING' && status !== 'WAITING';
}

function sentenceCase(text: string): string {
  const plain = text.replaceAll('_', ' ').toLowerCase();
  return plain.charAt(0).toUpperCase() + plain.slice(1);
}
