/** A list in pages that is kept up to date without moving what is being read. */
import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback, useMemo } from 'react';
import { boundsOf, type TimeRange } from '~/features/filters/time-range';
import { type IdOf, type Page, rowsOf, withChanged } from './pages';

/** Where a page begins, and the range of time of the whole scroll. */
export interface Place {
  /** The end of the page before; null for the first page. */
  after: string | null;
  from: string;
  until: string | null;
}

/** Where the rows of a list come from. Its functions must not change between renders. */
export interface Source<Row> {
  /** What tells this list from others: everything that limits it, but not the clock. */
  key: readonly unknown[];
  range: TimeRange;
  page: (place: Place, signal?: AbortSignal) => Promise<Page<Row>>;
  /** Rows as they are now, at most 200; those that are gone are left out. */
  rowsById: (ids: readonly string[], signal?: AbortSignal) => Promise<readonly Row[]>;
  idOf: IdOf<Row>;
}

export interface Feed<Row> {
  rows: readonly Row[];
  pages: readonly Page<Row>[];
  ids: ReadonlySet<string>;
  /** Why there are no rows, or why they are old. */
  error: Error | null;
  /** Nothing to show yet. */
  isLoading: boolean;
  /** What is shown answers the question before this one. */
  isOutdated: boolean;
  isRefreshing: boolean;
  hasNext: boolean;
  /** The last page ended because looking took too long, not because it was full. */
  isCutShort: boolean;
  isLoadingNext: boolean;
  nextError: Error | null;
  loadNext: () => void;
  /** Begins the list again. */
  refresh: () => Promise<void>;
  /** Puts rows that were read anew in their places. */
  change: (rows: readonly Row[]) => void;
  /** Replaces the pages. Given those that are there now, which may be others than were shown. */
  update: (pages: (now: readonly Page<Row>[]) => readonly Page<Row>[]) => void;
}

const NOTHING: readonly never[] = [];

export function useFeed<Row>(source: Source<Row>): Feed<Row> {
  const { page, idOf } = source;
  const client = useQueryClient();
  const first = useQuery({
    queryKey: source.key,
    queryFn: async ({ signal }): Promise<readonly Page<Row>[]> => [
      await page({ after: null, ...boundsOf(source.range) }, signal),
    ],
    placeholderData: keepPreviousData,
    // Changes are told; asking again would throw away the pages that were loaded.
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnReconnect: false,
    refetchOnWindowFocus: false,
    structuralSharing: false,
  });
  const pages = first.data ?? NOTHING;
  const rows = useMemo(() => rowsOf(pages, idOf), [pages, idOf]);
  const ids = useMemo(() => new Set(rows.map(idOf)), [rows, idOf]);

  const { key } = source;
  const update: Feed<Row>['update'] = useCallback(
    (change) =>
      void client.setQueryData<readonly Page<Row>[]>(key, (now) => (now ? change(now) : now)),
    [client, key],
  );
  const change = useCallback(
    (rows: readonly Row[]) => {
      const changed = new Map(rows.map((row) => [idOf(row), row]));
      if (changed.size > 0) update((now) => withChanged(now, changed, idOf));
    },
    [update, idOf],
  );

  const last = first.isPlaceholderData ? undefined : pages.at(-1);
  const following = useMutation({
    mutationFn: (after: Page<Row>) =>
      page({ after: after.next, from: after.from, until: after.until }),
    onSuccess: (found, after) =>
      // The list may have begun again meanwhile; what was asked for is then no part of it.
      update((now) => (now.at(-1)?.next === after.next ? [...now, found] : now)),
  });
  const { mutate, isPending } = following;
  const isOfThisList = following.variables === last;
  const loadNext = useCallback(() => {
    if (last?.next && !isPending) mutate(last);
  }, [last, isPending, mutate]);
  const { refetch } = first;
  const refresh = useCallback(async () => void (await refetch()), [refetch]);

  return {
    rows,
    pages,
    ids,
    error: first.error,
    isLoading: first.isPending,
    isOutdated: first.isPlaceholderData,
    isRefreshing: first.isRefetching,
    hasNext: last !== undefined && last.next !== null,
    isCutShort: last !== undefined && last.next !== null && !last.isComplete,
    isLoadingNext: isPending && isOfThisList,
    nextError: isOfThisList ? following.error : null,
    loadNext,
    refresh,
    change,
    update,
  };
}
