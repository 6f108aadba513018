/** How long things took, from counts by length. */

export interface Latencies {
  /** For each bucket of time, a count for each bound, and one for what took longer. */
  counts: readonly (readonly number[])[];
  boundsMs: readonly number[];
}

/**
 * The time within which `part` of what was counted ended, in milliseconds; NaN if nothing was.
 *
 * Within a bound, times are taken to be spread evenly. What took longer than the last bound counts
 * as having taken just that.
 */
export function percentile(
  counts: readonly number[],
  boundsMs: readonly number[],
  part: number,
): number {
  const all = counts.reduce((sum, count) => sum + count, 0);
  if (all === 0) return Number.NaN;
  const wanted = part * all;
  let before = 0;
  for (const [place, count] of counts.entries()) {
    const upper = boundsMs[place];
    if (upper === undefined) break;
    if (count > 0 && before + count >= wanted) {
      const lower = boundsMs[place - 1] ?? 0;
      return lower + (upper - lower) * ((wanted - before) / count);
    }
    before += count;
  }
  return boundsMs.at(-1) ?? Number.NaN;
}

/** A percentile for each bucket of time. */
export function percentiles({ counts, boundsMs }: Latencies, part: number): number[] {
  return counts.map((row) => percentile(row, boundsMs, part));
}

/** A percentile of the whole range. */
export function percentileOverall({ counts, boundsMs }: Latencies, part: number): number {
  const together = boundsMs.map((_, place) => countAt(counts, place));
  together.push(countAt(counts, boundsMs.length));
  return percentile(together, boundsMs, part);
}

function countAt(counts: Latencies['counts'], place: number): number {
  return counts.reduce((sum, row) => sum + (row[place] ?? 0), 0);
}
