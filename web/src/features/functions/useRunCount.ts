import { graphql } from '~/lib/graphql';
import { useLiveQuery } from '~/lib/queries';
import type { RunStatus } from '~/lib/status';

const RunCountQuery = graphql(`
  query RunCount($filter: RunsFilterV2!) {
    runs(first: 1, orderBy: [{ field: QUEUED_AT, direction: DESC }], filter: $filter) {
      totalCount
      totalCountIsExact
    }
  }
`);

export const UNFINISHED: readonly RunStatus[] = ['QUEUED', 'RUNNING'];

interface Counted {
  functionId: string;
  statuses: readonly RunStatus[];
  /** RFC 3339; left out: since ever. */
  from?: string | undefined;
  until?: string | undefined;
}

export interface RunCount {
  count: number;
  /** Whether there are no more than `count`. */
  isExact: boolean;
}

/** How many runs of a function there are; undefined until it is known. */
export function useRunCount(of: Counted): { runs: RunCount | undefined; error: Error | null } {
  const { functionId, statuses, from = '1970-01-01T00:00:00Z', until } = of;
  const { data, error } = useLiveQuery(RunCountQuery, {
    filter: {
      functionIDs: [functionId],
      status: [...statuses],
      from,
      ...(until === undefined ? {} : { until }),
    },
  });
  const runs = data && { count: data.runs.totalCount, isExact: data.runs.totalCountIsExact };
  return { runs, error };
}

/** "1 run", "12 runs", "more than 100,000 runs". */
export function runsInWords({ count, isExact }: RunCount): string {
  const number = count.toLocaleString();
  if (!isExact) return `more than ${number} runs`;
  return count === 1 ? '1 run' : `${number} runs`;
}
