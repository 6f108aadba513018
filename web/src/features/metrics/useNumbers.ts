import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { boundsOf, type TimeRange } from '~/features/filters/time-range';
import { graphql } from '~/lib/graphql';
import { request } from '~/lib/request';

const NumbersQuery = graphql(`
  query Numbers($filter: ChartsFilter!) {
    charts(filter: $filter) {
      buckets
      bucketMs
      latencyBoundsMs
      series { name values }
      histograms { name counts }
    }
  }
`);
const TotalsQuery = graphql(`
  query Totals($filter: ChartsFilter!) {
    charts(filter: $filter) {
      worst { ended failed function { name slug id } }
      busiest { ended failed function { name slug id } }
    }
  }
`);

interface AskedSeries extends Asked {
  series: readonly string[];
}

export const REFRESH_MS = 10_000;

/** Whose numbers. Undefined is all. */
export interface Whose {
  slugs?: readonly string[] | undefined;
  appIds?: readonly string[] | undefined;
}

interface Asked extends Whose {
  range: TimeRange;
  /** How often is asked again; false for once. */
  everyMs: number | false;
  /** False asks nothing yet. */
  isEnabled?: boolean;
}

/** Series over a range of time that goes on until now, or that has passed. */
export function useNumbers(asked: AskedSeries) {
  return useQuery({ ...numbersQuery(asked), select: ({ charts }) => charts });
}

/** Asks for series in the form that `useQuery` and `useQueries` take. */
export function numbersQuery(asked: AskedSeries) {
  const series = [...asked.series];
  return {
    queryKey: ['Numbers', keyOfWhose(asked), asked.range, series],
    queryFn: ({ signal }: { signal: AbortSignal }) =>
      request(NumbersQuery, { filter: { ...filterOf(asked), series } }, signal),
    ...refreshing(asked),
  };
}

/** The functions with the most failed runs, and those with the most runs. */
export function useTotals(asked: Asked) {
  return useQuery({
    queryKey: ['Totals', keyOfWhose(asked), asked.range],
    queryFn: ({ signal }) =>
      request(TotalsQuery, { filter: { ...filterOf(asked), series: ['runs_failed'] } }, signal),
    select: ({ charts }) => charts,
    ...refreshing(asked),
  });
}

function refreshing({ everyMs, isEnabled = true }: Asked) {
  return { enabled: isEnabled, placeholderData: keepPreviousData, refetchInterval: everyMs };
}

function keyOfWhose({ slugs, appIds }: Whose): readonly unknown[] {
  return [slugs ?? null, appIds ?? null];
}

/** The range as it is now: one that goes on until now slides each time it is asked for. */
function filterOf({ range, slugs, appIds }: Asked) {
  const { from, until } = boundsOf(range);
  return {
    from,
    ...(until === null ? {} : { until }),
    ...(slugs === undefined ? {} : { functionSlugs: [...slugs] }),
    ...(appIds === undefined ? {} : { appIDs: [...appIds] }),
  };
}
