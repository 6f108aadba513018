import type { Tone } from '~/lib/status';

export type NodeState = 'LIVE' | 'DRAINING' | 'DEAD';

export interface ServerNode {
  id: number;
  name: string;
  version: string;
  joinedAt: string;
  leaseUntil: string | null;
  state: NodeState;
  isThis: boolean;
  partitions: readonly number[];
}

export interface Partition {
  id: number;
  nodeID: number | null;
}

export const NODE_LOOKS: Record<NodeState, { title: string; tone: Tone; about: string }> = {
  LIVE: { title: 'Live', tone: 'good', about: 'It renews its lease' },
  DRAINING: { title: 'Draining', tone: 'waiting', about: 'It was told to stop' },
  DEAD: { title: 'Dead', tone: 'bad', about: 'Its lease has ended' },
};

export interface Remark {
  title: string;
  text: string;
}

/** Partitions that are on their way to another server, and why. All of it passes by itself. */
export function remarksOf(
  nodes: readonly ServerNode[],
  partitions: readonly Partition[],
): Remark[] {
  const found: Remark[] = [];
  const free = freeOf(partitions);
  if (free.length > 0) {
    found.push({
      title: `Nobody owns ${partitionsText(free)}`,
      text: 'A live server takes over within seconds. Until then runs of its functions wait.',
    });
  }
  for (const { name, state, partitions: owned } of nodes) {
    if (owned.length === 0) continue;
    if (state === 'DEAD') {
      found.push({
        title: `${name} is dead`,
        text: `Others take over ${partitionsText(owned)} within seconds. Until then runs of its functions wait.`,
      });
    } else if (state === 'DRAINING') {
      found.push({
        title: `${name} stops`,
        text: `It gives ${partitionsText(owned)} away when calls under way have ended.`,
      });
    }
  }
  return found;
}

/** Partitions that no server owns. */
export function freeOf(partitions: readonly Partition[]): number[] {
  return partitions.filter(({ nodeID }) => nodeID === null).map(({ id }) => id);
}

/** "partition 4" or "partitions 0–2, 5". */
export function partitionsText(numbers: readonly number[]): string {
  return `partition${numbers.length === 1 ? '' : 's'} ${rangesText(numbers)}`;
}

/** Ascending numbers as people write them. */
export function rangesText(numbers: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const number of numbers) {
    const last = ranges.at(-1);
    if (last && number === last[1] + 1) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges
    .map(([first, last]) => (first === last ? `${first}` : `${first}–${last}`))
    .join(', ');
}
