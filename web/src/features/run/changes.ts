import type { Change } from '~/lib/live';

/** Whether a change may concern a run. */
export function concerns(runId: string): (change: Change) => boolean {
  return (change) => change.cut || runId in change.runs;
}
