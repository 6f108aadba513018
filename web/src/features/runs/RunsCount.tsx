import { useQuery } from '@tanstack/react-query';
import { boundsOf, timeRangeOf } from '~/features/filters/time-range';
import { countInWords } from '~/features/lists/counting';
import { useLiveState } from '~/lib/live';
import type { RunsSearch } from './run-search';
import { countRuns, limitsOf, type RunsScope } from './run-source';

/** Counting may be slow, so it is done seldom, and only once where every run has to be read. */
const EVERY_MS = 10_000;

interface RunsCountProps {
  search: RunsSearch;
  scope: RunsScope;
}

/** How many runs a search means. The list does not wait for it. */
export function useRunsCount({ search, scope }: RunsCountProps) {
  const liveState = useLiveState();
  const range = timeRangeOf(search);
  const mayGrow = boundsOf(range).until === null && search.search === undefined;
  return useQuery({
    queryKey: ['RunsCount', range, limitsOf(search, scope)],
    queryFn: ({ signal }) => countRuns(search, scope, signal),
    refetchInterval: mayGrow && liveState !== 'connecting' ? EVERY_MS : false,
    staleTime: EVERY_MS,
    retry: false,
  });
}

export function RunsCount({ count }: { count: ReturnType<typeof useRunsCount> }) {
  if (!count.data) return null;
  const { count: runs, isExact } = count.data;
  return (
    <span className="whitespace-nowrap px-1 text-ink-soft text-xs tabular-nums">
      {countInWords(runs, 'run', isExact)}
    </span>
  );
}
