/** The list of events, asked of the server. */
import { boundsOf, timeRangeOf } from '~/features/filters/time-range';
import type { Page } from '~/features/lists/pages';
import type { Place, Source } from '~/features/lists/useFeed';
import { graphql, type ResultOf, type VariablesOf } from '~/lib/graphql';
import type { Change } from '~/lib/live';
import { request } from '~/lib/request';
import { isEnded } from '~/lib/status';
import type { EventsSearch } from './event-search';

const EventRowFields = graphql(`
  fragment EventRowFields on EventV2 @_unmask {
    id
    name
    receivedAt
    runs { id status function { name } }
  }
`);

const EventsQuery = graphql(
  `
    query Events($first: Int!, $after: String, $filter: EventsFilter!) {
      eventsV2(first: $first, after: $after, filter: $filter) {
        edges { node { ...EventRowFields } }
        pageInfo { hasNextPage endCursor }
      }
    }
  `,
  [EventRowFields],
);
const EventsByIdQuery = graphql(
  `
    query EventsByID($eventIDs: [ULID!]!) {
      eventsByID(eventIDs: $eventIDs) { ...EventRowFields }
    }
  `,
  [EventRowFields],
);
const EventsCountQuery = graphql(`
  query EventsCount($filter: EventsFilter!) {
    eventsV2(first: 1, filter: $filter) { totalCount totalCountIsExact }
  }
`);

export type EventRow = ResultOf<typeof EventRowFields>;
type Limits = Omit<VariablesOf<typeof EventsQuery>['filter'], 'from' | 'until'>;

const PAGE_SIZE = 50;
/** A search looks at no more events for a page. */
export const LOOKED_AT_MAX = 20_000;
/** Functions that hold an event back for long start its run without the event being named. */
const FRESH_MS = 10 * 60_000;

export const idOfEvent = (event: EventRow): string => event.id;

/** The events that a search means. The same search has the same source only if it is memoised. */
export function eventSource(search: EventsSearch): Source<EventRow> {
  const limits = limitsOf(search);
  const range = timeRangeOf(search);
  return {
    key: ['Events', range, limits],
    range,
    idOf: idOfEvent,
    page: (place, signal) => readPage(limits, place, signal),
    rowsById: async (eventIDs, signal) =>
      (await request(EventsByIdQuery, { eventIDs: [...eventIDs] }, signal)).eventsByID,
  };
}

/** How many events a search means; `isExact` is false where there are more than can be counted. */
export async function countEvents(
  search: EventsSearch,
  signal?: AbortSignal,
): Promise<{ count: number; isExact: boolean }> {
  const filter = { ...limitsOf(search), ...boundsOf(timeRangeOf(search)) };
  const { eventsV2 } = await request(EventsCountQuery, { filter }, signal);
  return { count: eventsV2.totalCount, isExact: eventsV2.totalCountIsExact };
}

/** What limits a list, but for the range of time. Who asks for internal events gets them. */
export function limitsOf({ filterEvent, includeInternal, search }: EventsSearch): Limits {
  return {
    eventNames: filterEvent ?? null,
    includeInternalEvents: Boolean(includeInternal) || filterEvent !== undefined,
    query: search ?? null,
  };
}

async function readPage(
  limits: Limits,
  { after, from, until }: Place,
  signal?: AbortSignal,
): Promise<Page<EventRow>> {
  const variables = { first: PAGE_SIZE, after, filter: { ...limits, from, until } };
  const { eventsV2 } = await request(EventsQuery, variables, signal);
  const { hasNextPage, endCursor } = eventsV2.pageInfo;
  const rows = eventsV2.edges.map(({ node }) => node);
  return {
    rows,
    next: hasNextPage ? (endCursor ?? null) : null,
    from,
    until,
    // A page that is not full but not the last one either ended because looking took too long.
    isComplete: !hasNextPage || rows.length === PAGE_SIZE,
  };
}

/** Whether runs of the event have not ended. */
export function isOpen({ runs }: EventRow): boolean {
  return runs.some(({ status }) => !isEnded(status));
}

/**
 * The ids of events that a change concerns: new ones, and those in the list whose runs changed. A
 * run that is not in the list may be a new one of any event that came lately.
 */
export function changedEvents(change: Change, rows: readonly EventRow[], now: number): string[] {
  const changed = new Set(change.events);
  const unknownRuns = new Set(Object.keys(change.runs));
  for (const { id, runs } of rows) {
    for (const run of runs) {
      if (!(run.id in change.runs)) continue;
      changed.add(id);
      unknownRuns.delete(run.id);
    }
  }
  if (unknownRuns.size > 0) {
    for (const { id, receivedAt } of rows) {
      if (now - Date.parse(receivedAt) > FRESH_MS) break;
      changed.add(id);
    }
  }
  return [...changed];
}
