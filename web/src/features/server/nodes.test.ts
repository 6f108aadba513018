import { expect, test } from 'vitest';
import { partitionsText, rangesText, remarksOf, type ServerNode } from './nodes';

const NODE: ServerNode = {
  id: 7,
  name: 'host:7',
  version: '1.0',
  joinedAt: '2026-11-21T09:00:00Z',
  leaseUntil: '2026-11-21T09:00:05Z',
  state: 'LIVE',
  isThis: false,
  partitions: [0, 1, 2],
};

test('ascending numbers are written as ranges', () => {
  expect([[], [4], [0, 1], [0, 2, 4], [1, 2, 3, 7, 8]].map(rangesText)).toEqual([
    '',
    '4',
    '0–1',
    '0, 2, 4',
    '1–3, 7–8',
  ]);
  expect([partitionsText([4]), partitionsText([0, 1])]).toEqual(['partition 4', 'partitions 0–1']);
});

test('nothing is said of partitions that stay where they are', () => {
  const idle: ServerNode = { ...NODE, id: 8, state: 'DRAINING', partitions: [] };
  const gone: ServerNode = { ...NODE, id: 9, state: 'DEAD', partitions: [] };
  expect(remarksOf([NODE, idle, gone], [{ id: 0, nodeID: 7 }])).toEqual([]);
});

test('what is on its way to another server is said with the reason', () => {
  const nodes: ServerNode[] = [
    { ...NODE, state: 'DEAD' },
    { ...NODE, id: 8, name: 'host:8', state: 'DRAINING', partitions: [3] },
  ];
  const remarks = remarksOf(nodes, [
    { id: 3, nodeID: 8 },
    { id: 4, nodeID: null },
  ]);
  expect(remarks.map(({ title }) => title)).toEqual([
    'Nobody owns partition 4',
    'host:7 is dead',
    'host:8 stops',
  ]);
  expect(remarks[1]?.text).toContain('partitions 0–2');
});
