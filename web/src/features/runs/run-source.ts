/** Lists of runs, asked of the server. */

import { boundsOf, timeRangeOf } from '~/features/filters/time-range';
import type { Page } from '~/features/lists/pages';
import type { Place, Source } from '~/features/lists/useFeed';
import { graphql, type ResultOf, type VariablesOf } from '~/lib/graphql';
import { request } from '~/lib/request';
import { DEFAULT_TIME_FIELD, type RunsSearch } from './run-search';

const RunRowFields = graphql(`
  fragment RunRowFields on FunctionRunV2 @_unmask {
    id status queuedAt startedAt endedAt eventName isBatch cronSchedule hasAI
    app { id name externalID }
    function { id name slug }
  }
`);

const RunsQuery = graphql(
  `
    query Runs($first: Int!, $after: String, $orderBy: [RunsV2OrderBy!]!, $filter: RunsFilterV2!) {
      runs(first: $first, after: $after, orderBy: $orderBy, filter: $filter) {
        edges { node { ...RunRowFields } }
        pageInfo { hasNextPage endCursor }
        isComplete
      }
    }
  `,
  [RunRowFields],
);

const RunsByIdQuery = graphql(
  `
    query RunsByID($runIDs: [ULID!]!) { runsByID(runIDs: $runIDs) { ...RunRowFields } }
  `,
  [RunRowFields],
);

const RunsCountQuery = graphql(`
  query RunsCount($orderBy: [RunsV2OrderBy!]!, $filter: RunsFilterV2!) {
    runs(first: 1, orderBy: $orderBy, filter: $filter) { totalCount totalCountIsExact }
  }
`);

export type RunRow = ResultOf<typeof RunRowFields>;
type RunsFilter = VariablesOf<typeof RunsQuery>['filter'];

/** Rows that fill a tall window twice. */
const PAGE_SIZE = 80;

/** All runs, or those of one function. */
export type RunsScope = 'env' | { functionSlug: string; functionId: string };

export const idOfRun = (run: RunRow): string => run.id;

/** The runs that a search means. The same search has the same source only if it is memoised. */
export function runSource(search: RunsSearch, scope: RunsScope): Source<RunRow> {
  const limits = limitsOf(search, scope);
  const range = timeRangeOf(search);
  return {
    key: ['Runs', range, limits],
    range,
    idOf: idOfRun,
    page: (place, signal) => readPage(limits, place, signal),
    rowsById: async (runIDs, signal) =>
      (await request(RunsByIdQuery, { runIDs: [...runIDs] }, signal)).runsByID,
  };
}

/** How many runs a search means; `isExact` is false where there are more than can be counted. */
export async function countRuns(
  search: RunsSearch,
  scope: RunsScope,
  signal?: AbortSignal,
): Promise<{ count: number; isExact: boolean }> {
  const limits = limitsOf(search, scope);
  const filter = { ...limits, ...boundsOf(timeRangeOf(search)) };
  const { runs } = await request(RunsCountQuery, { orderBy: orderOf(limits), filter }, signal);
  return { count: runs.totalCount, isExact: runs.totalCountIsExact };
}

async function readPage(
  limits: Limits,
  { after, from, until }: Place,
  signal?: AbortSignal,
): Promise<Page<RunRow>> {
  const { runs } = await request(
    RunsQuery,
    { first: PAGE_SIZE, after, orderBy: orderOf(limits), filter: { ...limits, from, until } },
    signal,
  );
  const { hasNextPage, endCursor } = runs.pageInfo;
  return {
    rows: runs.edges.map(({ node }) => node),
    next: hasNextPage ? (endCursor ?? null) : null,
    from,
    until,
    isComplete: runs.isComplete,
  };
}

type Limits = Omit<RunsFilter, 'from' | 'until'>;

/** What limits a list, but for the range of time. */
export function limitsOf(search: RunsSearch, scope: RunsScope): Limits {
  return {
    timeField: search.timeField ?? DEFAULT_TIME_FIELD,
    status: search.filterStatus ?? null,
    appIDs: scope === 'env' ? (search.filterApp ?? null) : null,
    functionIDs: scope === 'env' ? (search.filterFunction ?? null) : [scope.functionId],
    query: search.search ?? null,
  };
}

function orderOf({ timeField }: Limits) {
  return [{ field: timeField ?? DEFAULT_TIME_FIELD, direction: 'DESC' as const }];
}
