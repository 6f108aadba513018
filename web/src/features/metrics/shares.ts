/** What runs came to, as parts of a whole. */
import { lookOf, type RunStatus, type Tone } from '~/lib/status';
import { lastOf, type Numbers, totalOf } from './numbers';

export interface Share {
  title: string;
  tone: Tone;
  count: number;
  /** Of all that are shown, from 0 to 1. */
  part: number;
}

const ENDED: readonly [RunStatus, string][] = [
  ['COMPLETED', 'runs_completed'],
  ['FAILED', 'runs_failed'],
  ['CANCELLED', 'runs_cancelled'],
  ['SKIPPED', 'runs_skipped'],
];

/** Runs that ended in the range, by status; those that never happen are left out. */
export function sharesOf(numbers: Numbers): Share[] {
  const counts = ENDED.map(([status, name]) => ({
    ...lookOf(status),
    status,
    count: totalOf(numbers, name),
  }));
  const all = counts.reduce((sum, { count }) => sum + count, 0);
  return counts
    .filter(({ count, status }) => count > 0 || status !== 'SKIPPED')
    .map(({ title, tone, count }) => ({ title, tone, count, part: all > 0 ? count / all : 0 }));
}

/** What had not gone on at the end of the range. */
export function openAtEnd(numbers: Numbers): { title: string; count: number }[] {
  return [
    { title: 'Calls under way', count: lastOf(numbers, 'running') },
    { title: 'Calls queued', count: lastOf(numbers, 'backlog') },
    { title: 'Steps asleep', count: lastOf(numbers, 'sleeping') },
    { title: 'Steps waiting', count: lastOf(numbers, 'waiting') + lastOf(numbers, 'invoking') },
  ];
}
