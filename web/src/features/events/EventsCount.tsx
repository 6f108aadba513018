import { useQuery } from '@tanstack/react-query';
import { boundsOf, timeRangeOf } from '~/features/filters/time-range';
import { countInWords } from '~/features/lists/counting';
import { useLiveState } from '~/lib/live';
import type { EventsSearch } from './event-search';
import { countEvents, limitsOf } from './event-source';

/** Counting may be slow, so it is done seldom, and only once where every event has to be read. */
const EVERY_MS = 10_000;

/** How many events a search means. The list does not wait for it. */
export function useEventsCount(search: EventsSearch) {
  const liveState = useLiveState();
  const range = timeRangeOf(search);
  const mayGrow = boundsOf(range).until === null && search.search === undefined;
  return useQuery({
    queryKey: ['EventsCount', range, limitsOf(search)],
    queryFn: ({ signal }) => countEvents(search, signal),
    refetchInterval: mayGrow && liveState !== 'connecting' ? EVERY_MS : false,
    staleTime: EVERY_MS,
    retry: false,
  });
}

export function EventsCount({ count }: { count: ReturnType<typeof useEventsCount> }) {
  if (!count.data) return null;
  return (
    <span className="whitespace-nowrap px-1 text-ink-soft text-xs tabular-nums">
      {countInWords(count.data.count, 'event', count.data.isExact)}
    </span>
  );
}
