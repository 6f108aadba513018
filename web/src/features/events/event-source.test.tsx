import { describe, expect, it, vi } from 'vitest';
import { changedEvents, type EventRow, eventSource, isOpen, limitsOf } from './event-source';

const NOW = Date.parse('2026-11-21T12:00:00Z');
const row = (id: string, minutesAgo: number, runs: Record<string, string> = {}): EventRow => ({
  id,
  name: 'a',
  receivedAt: new Date(NOW - minutesAgo * 60_000).toISOString(),
  runs: Object.entries(runs).map(([id, status]) => ({
    id,
    status: status as 'RUNNING',
    function: { name: 'f' },
  })),
});
const change = (given: { runs?: string[]; events?: string[] }) => ({
  runs: Object.fromEntries((given.runs ?? []).map((id) => [id, 'f1'])),
  events: given.events ?? [],
  apps: false,
  cut: false,
});

describe('changedEvents', () => {
  const rows = [row('E3', 1), row('E2', 2, { R2: 'RUNNING' }), row('E1', 60, { R1: 'RUNNING' })];

  it('are new events and those whose runs changed', () => {
    expect(changedEvents(change({ events: ['E4'] }), rows, NOW)).toEqual(['E4']);
    expect(changedEvents(change({ runs: ['R1'] }), rows, NOW)).toEqual(['E1']);
  });

  it('may be any late one if a run is not known', () => {
    expect(changedEvents(change({ runs: ['R9'] }), rows, NOW)).toEqual(['E3', 'E2']);
    expect(changedEvents(change({ runs: ['R9'] }), [row('E1', 60)], NOW)).toEqual([]);
  });
});

describe('limitsOf', () => {
  it('shows internal events to who asks for them, by the switch or by name', () => {
    expect(limitsOf({}).includeInternalEvents).toBe(false);
    expect(limitsOf({ includeInternal: true }).includeInternalEvents).toBe(true);
    expect(limitsOf({ filterEvent: ['inngest/function.failed'] }).includeInternalEvents).toBe(true);
  });
});

describe('a page', () => {
  const answer = (rows: number, hasNextPage: boolean) =>
    vi.stubGlobal('fetch', async () =>
      Response.json({
        data: {
          eventsV2: {
            edges: Array.from({ length: rows }, (_, index) => ({ node: row(`E${index}`, index) })),
            pageInfo: { hasNextPage, endCursor: 'cursor' },
          },
        },
      }),
    );
  const place = { after: null, from: '2026-11-20T12:00:00Z', until: null };

  it('is cut short if it is not full and not the last one', async () => {
    answer(3, true);
    expect(await eventSource({}).page(place)).toMatchObject({ next: 'cursor', isComplete: false });
    answer(50, true);
    expect(await eventSource({}).page(place)).toMatchObject({ next: 'cursor', isComplete: true });
    answer(3, false);
    expect(await eventSource({}).page(place)).toMatchObject({ next: null, isComplete: true });
  });
});

it('is open while a run has not ended', () => {
  expect(isOpen(row('E', 0))).toBe(false);
  expect(isOpen(row('E', 0, { R1: 'COMPLETED', R2: 'QUEUED' }))).toBe(true);
});
