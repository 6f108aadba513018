import type { TraceNode } from './node';

/** Steps beside each other in the list that overlapped in time. */
export interface ParallelGroup {
  first: number;
  last: number;
  /** How many went on at the same moment, at most. */
  peak: number;
}

/**
 * The groups among siblings, which are in the order of their beginnings. Steps belong to the same
 * group if they overlap, or if both overlap a third. One that begins when another ends does not.
 */
export function parallelGroups(siblings: readonly TraceNode[]): ParallelGroup[] {
  const groups: ParallelGroup[] = [];
  let first = 0;
  let lastEnd = Number.NEGATIVE_INFINITY;
  const close = (end: number) => {
    if (end - first < 2) return;
    groups.push({ first, last: end - 1, peak: peakOf(siblings.slice(first, end)) });
  };
  siblings.forEach((node, index) => {
    if (node.queuedMs >= lastEnd) {
      close(index);
      first = index;
      lastEnd = Number.NEGATIVE_INFINITY;
    }
    lastEnd = Math.max(lastEnd, endOf(node));
  });
  close(siblings.length);
  return groups;
}

function peakOf(nodes: readonly TraceNode[]): number {
  const changes = nodes.flatMap((node) => [
    { atMs: node.queuedMs, by: 1 },
    { atMs: endOf(node), by: -1 },
  ]);
  // Ends go before beginnings at the same moment.
  changes.sort((a, b) => a.atMs - b.atMs || a.by - b.by);
  let count = 0;
  let peak = 0;
  for (const { by } of changes) {
    count += by;
    peak = Math.max(peak, count);
  }
  return peak;
}

function endOf(node: TraceNode): number {
  return node.endedMs ?? Number.POSITIVE_INFINITY;
}

/** "3 in parallel", or "up to 3 in parallel" of a longer list. */
export function parallelWords({ first, last, peak }: ParallelGroup): string {
  const count = last - first + 1;
  return count === peak ? `${count} in parallel` : `up to ${peak} in parallel`;
}
