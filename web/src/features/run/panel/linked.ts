import type { RunFacts } from '../queries';
import { everyNode, type TraceNode } from '../timeline/node';

/** A run that has to do with this one, and how. */
export interface LinkedId {
  relation: string;
  runId: string;
}

/** Runs that the run itself names; those that it invoked are asked for. */
export function linkedIds(run: RunFacts): LinkedId[] {
  const all: [string, string | null][] = [
    ['Invoked by', run.parentRunID],
    ['Repeats', run.originRunID === run.id ? null : run.originRunID],
    ['Skipped because of', run.skipExistingRunID],
  ];
  return all.flatMap(([relation, runId]) => (runId ? [{ relation, runId }] : []));
}

/** Whether there is any other run to show. */
export function hasLinkedRuns(run: RunFacts, root: TraceNode): boolean {
  if (linkedIds(run).length > 0) return true;
  for (const node of everyNode(root)) if (node.kind === 'invoke') return true;
  return false;
}
