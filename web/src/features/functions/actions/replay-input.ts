/** What a replay is asked for with. */
import type { RunStatus } from '~/lib/status';

/** Statuses of runs that can be replayed, and what the server calls them. */
export const REPLAYED_STATUSES = [
  { status: 'FAILED', wireName: 'Failed' },
  { status: 'CANCELLED', wireName: 'Cancelled' },
  { status: 'COMPLETED', wireName: 'Completed' },
  { status: 'SKIPPED', wireName: 'Skipped' },
] as const satisfies readonly { status: RunStatus; wireName: string }[];

export type ReplayedStatus = (typeof REPLAYED_STATUSES)[number]['status'];

const RATE_MAX = 10_000;

/** Runs a second, undefined for as fast as it goes; or what is wrong with what was typed. */
export function readRate(text: string): { rate: number | undefined } | { problem: string } {
  if (text.trim() === '') return { rate: undefined };
  const rate = Number(text);
  if (Number.isInteger(rate) && rate >= 1 && rate <= RATE_MAX) return { rate };
  return { problem: `A whole number from 1 to ${RATE_MAX.toLocaleString()}.` };
}

/** The names of the statuses as the server wants them. */
export function wireNamesOf(statuses: readonly ReplayedStatus[]): string[] {
  return REPLAYED_STATUSES.filter(({ status }) => statuses.includes(status)).map(
    ({ wireName }) => wireName,
  );
}
