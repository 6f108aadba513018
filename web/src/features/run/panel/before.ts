import type { TraceNode } from '../timeline/node';

/**
 * When the app was ready to name a step: the latest end among the steps before it, or the run's
 * start for the first. Null for what is not directly below the run.
 */
export function endBefore(root: TraceNode, node: TraceNode): number | null {
  if (!root.children.includes(node)) return null;
  let latest = root.startedMs;
  for (const { endedMs } of root.children) {
    if (endedMs !== null && endedMs <= node.queuedMs) latest = Math.max(latest ?? endedMs, endedMs);
  }
  return latest;
}
