/** Keeps a list current: rows on the screen by their ids, its top by its first page. */
import { useCallback, useEffect, useRef, useState } from 'react';
import { boundsOf } from '~/features/filters/time-range';
import { type Change, useChanges, useLiveState } from '~/lib/live';
import { useGathered } from '~/lib/queries';
import { countNew, type Page, withHead } from './pages';
import type { Feed, Source } from './useFeed';
import { useGently } from './useGently';

/** The shortest times between two questions about rows, and about the top. */
const ROWS_PAUSE_MS = 300;
const HEAD_PAUSE_MS = 600;
/** How often is asked while changes are not told. */
const POLL_MS = 5_000;
/** As many rows as may be asked for by their ids. */
const ROWS_MAX = 200;

interface FeedChangesOptions<Row> {
  /** The ids of what changed, as far as it may belong to the list. */
  changed: (change: Change) => readonly string[];
  /** Whether a row can still change without being told of. */
  isOpen: (row: Row) => boolean;
  /** Whether rows may be put in at the top now: nobody reads something that would move. */
  mayMove: () => boolean;
}

/** What is at the top of the list but not shown yet. */
export interface News {
  count: number;
  /** There is more than was counted. */
  isMore: boolean;
}

export interface FeedChanges {
  news: News | null;
  showNews: () => void;
  /** Tells which rows are on the screen. */
  onShown: (ids: readonly string[]) => void;
  /** Asks for rows again, once they are on the screen. */
  markOld: (ids: Iterable<string>) => void;
}

export function useFeedChanges<Row>(
  source: Source<Row>,
  feed: Feed<Row>,
  options: FeedChangesOptions<Row>,
): FeedChanges {
  const latest = useRef({ source, feed, options });
  useEffect(() => {
    latest.current = { source, feed, options };
  });
  const shown = useRef<readonly string[]>([]);
  const old = useRef(new Set<string>());
  const [held, setHeld] = useState<{ key: readonly unknown[]; head: Page<Row>; news: News }>();

  const readRows = useGathered(() => {
    const { source, feed } = latest.current;
    const ids = shown.current.filter((id) => old.current.has(id)).slice(0, ROWS_MAX);
    if (ids.length === 0 || feed.isOutdated) return;
    for (const id of ids) old.current.delete(id);
    // What cannot be read now is read when it changes again or the connection is back.
    source.rowsById(ids).then(feed.change, () => {});
  }, ROWS_PAUSE_MS);

  const readHead = useGently(async () => {
    const { source, feed } = latest.current;
    if (feed.isLoading || feed.isOutdated || boundsOf(source.range).until !== null) return;
    const head = await source.page({ after: null, ...boundsOf(source.range) });
    const now = latest.current;
    if (now.source.key !== source.key) return;
    if (now.options.mayMove()) {
      setHeld(undefined);
      feed.update((pages) => withHead(pages, head, source.idOf));
      return;
    }
    feed.change(head.rows);
    const news = countNew(head, now.feed.ids, source.idOf);
    setHeld(news.count > 0 ? { key: source.key, head, news } : undefined);
  }, HEAD_PAUSE_MS);

  const markOld = useCallback(
    (ids: Iterable<string>) => {
      for (const id of ids) old.current.add(id);
      readRows();
    },
    [readRows],
  );
  const onShown = useCallback(
    (ids: readonly string[]) => {
      shown.current = ids;
      if (ids.some((id) => old.current.has(id))) readRows();
    },
    [readRows],
  );
  const hear = (change: Change | null) => {
    const { feed, options } = latest.current;
    const ids = change === null ? [] : options.changed(change);
    if (change === null || change.cut) markOld(feed.ids);
    else markOld(ids.filter((id) => feed.ids.has(id)));
    if (change === null || change.cut || ids.some((id) => !feed.ids.has(id))) readHead();
  };
  const hearWhenSeen = useWhenSeen(hear);
  useChanges(hearWhenSeen);
  usePolling(() => {
    const { source, feed, options } = latest.current;
    const shownIds = new Set(shown.current);
    const open = feed.rows.filter((row) => shownIds.has(source.idOf(row)) && options.isOpen(row));
    markOld(open.map(source.idOf));
    readHead();
  });
  // A list that was left and is opened again may have missed something.
  const opened = useRef<readonly unknown[]>(undefined);
  const { key } = source;
  useEffect(() => {
    if (opened.current === key) return;
    opened.current = key;
    old.current.clear();
    const { isLoading, isOutdated } = latest.current.feed;
    if (!isLoading && !isOutdated) hearWhenSeen(null);
  }, [key, hearWhenSeen]);

  const showNews = useCallback(() => {
    setHeld((now) => {
      const { source, feed } = latest.current;
      if (now && now.key === source.key) {
        queueMicrotask(() => feed.update((pages) => withHead(pages, now.head, source.idOf)));
      }
      return undefined;
    });
    readHead();
  }, [readHead]);

  return { news: held?.key === source.key ? held.news : null, showNews, onShown, markOld };
}

/** Hears changes while the page is seen; what came meanwhile is "anything may have changed". */
function useWhenSeen(hear: (change: Change | null) => void): (change: Change | null) => void {
  const latest = useRef(hear);
  const hasMissed = useRef(false);
  useEffect(() => {
    latest.current = hear;
  });
  useEffect(() => {
    const look = () => {
      if (document.hidden || !hasMissed.current) return;
      hasMissed.current = false;
      latest.current(null);
    };
    document.addEventListener('visibilitychange', look);
    return () => document.removeEventListener('visibilitychange', look);
  }, []);
  return useCallback((change) => {
    if (document.hidden) hasMissed.current = true;
    else latest.current(change);
  }, []);
}

function usePolling(poll: () => void): void {
  const latest = useRef(poll);
  useEffect(() => {
    latest.current = poll;
  });
  const isDown = useLiveState() === 'down';
  useEffect(() => {
    if (!isDown) return;
    const timer = setInterval(() => !document.hidden && latest.current(), POLL_MS);
    return () => clearInterval(timer);
  }, [isDown]);
}
