/** Doing something to many runs, in requests of a size the server takes. */

/** What became of one run. */
export interface RunOutcome {
  runID: string;
  ok: boolean;
  /** Why it is not ok: invalid_id, not_found, ended, refused, unavailable; null if it is. */
  code: string | null;
  message: string | null;
}

export interface Progress {
  /** How many runs were sent, of how many. */
  done: number;
  total: number;
  outcomes: readonly RunOutcome[];
}

/** As many runs as one request takes. */
const CHUNK = 100;

/**
 * Sends the runs in chunks, one after the other, and tells the progress after each. A request that
 * fails as a whole fails for its runs, and the rest is not sent any more. Stops after the chunk under
 * way when `signal` is aborted.
 */
export async function inChunks(
  runIDs: readonly string[],
  send: (runIDs: string[]) => Promise<readonly RunOutcome[]>,
  onProgress: (progress: Progress) => void,
  signal: AbortSignal,
): Promise<readonly RunOutcome[]> {
  const outcomes: RunOutcome[] = [];
  for (let start = 0; start < runIDs.length && !signal.aborted; start += CHUNK) {
    const chunk = runIDs.slice(start, start + CHUNK);
    try {
      outcomes.push(...(await send(chunk)));
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const failed = { ok: false, code: 'unavailable', message };
      return [...outcomes, ...chunk.map((runID) => ({ runID, ...failed }))];
    }
    onProgress({ done: start + chunk.length, total: runIDs.length, outcomes: [...outcomes] });
  }
  return outcomes;
}

export interface Summary {
  ok: number;
  /** Runs that had ended before they could be cancelled; nothing is wrong with that. */
  ended: number;
  failed: readonly RunOutcome[];
  /** Runs that were not sent any more. */
  left: number;
}

export function summaryOf(outcomes: readonly RunOutcome[], total: number): Summary {
  const ended = outcomes.filter(({ ok, code }) => !ok && code === 'ended');
  const failed = outcomes.filter(({ ok, code }) => !ok && code !== 'ended');
  const ok = outcomes.length - ended.length - failed.length;
  return { ok, ended: ended.length, failed, left: total - outcomes.length };
}
