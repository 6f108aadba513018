import { useNavigate } from '@tanstack/react-router';
import { lazy, Suspense, useCallback, useMemo, useRef } from 'react';
import { isAtRest } from '~/features/lists/at-rest';
import { FeedFooter } from '~/features/lists/FeedFooter';
import { FeedFrame } from '~/features/lists/FeedFrame';
import { toggled } from '~/features/lists/selection';
import { useFeed } from '~/features/lists/useFeed';
import { useFeedChanges } from '~/features/lists/useFeedChanges';
import { useIdSet } from '~/features/lists/useSelection';
import { SearchButton } from '~/features/search/SearchButton';
import { useSearchPanel } from '~/features/search/useSearchPanel';
import { Skeleton } from '~/ui/Skeleton';
import { VirtualTable } from '~/ui/table/VirtualTable';
import { useMedia } from '~/ui/useMedia';
import { EventsCount, useEventsCount } from './EventsCount';
import { EventsEmpty } from './EventsEmpty';
import { EventsToolbar } from './EventsToolbar';
import { eventColumns } from './event-columns';
import type { EventsSearch } from './event-search';
import {
  changedEvents,
  type EventRow,
  eventSource,
  idOfEvent,
  isOpen,
  LOOKED_AT_MAX,
} from './event-source';

const EventDetail = lazy(() => import('./EventDetail'));

interface EventsListProps {
  search: EventsSearch;
  /** Given the whole new search. */
  onSearch: (search: EventsSearch) => void;
  onSend: () => void;
}

/** Events, newest first: filtered, searched, opened, and current. Fills its parent. */
export function EventsList({ search, onSearch, onSend }: EventsListProps) {
  const navigate = useNavigate();
  const source = useMemo(() => eventSource(search), [search]);
  const feed = useFeed(source);
  const count = useEventsCount(search);
  const isNarrow = useMedia('(max-width: 767px)');
  const columns = useMemo(() => eventColumns(isNarrow), [isNarrow]);
  const panel = useSearchPanel(search.search);
  const scrollRef = useRef<HTMLElement>(null);
  const [openIds, changeOpen] = useIdSet(source.key);
  const toggleOpen = useCallback(
    (id: string) => changeOpen((ids) => toggled(ids, id)),
    [changeOpen],
  );
  const toTop = () => scrollRef.current?.scrollTo({ top: 0 });

  const { news, showNews, onShown } = useFeedChanges(source, feed, {
    changed: (change) => changedEvents(change, feed.rows, Date.now()),
    isOpen,
    mayMove: () => openIds.size === 0 && isAtRest(scrollRef.current),
  });
  const refreshAll = () => {
    toTop();
    void feed.refresh();
    void count.refetch();
  };
  const change = (search: EventsSearch) => {
    toTop();
    onSearch(search);
  };

  return (
    <FeedFrame
      what="event"
      feed={feed}
      toolbar={
        <EventsToolbar
          search={search}
          onSearch={change}
          searchButton={
            <SearchButton
              isOpen={panel.isOpen}
              isActive={search.search !== undefined}
              onToggle={panel.toggle}
              onOpen={panel.open}
            />
          }
          count={<EventsCount count={count} />}
          isRefreshing={feed.isRefreshing}
          onRefresh={refreshAll}
        />
      }
      search={{
        value: search.search,
        panel,
        onSearch: (text) => change({ ...search, search: text }),
      }}
      news={news}
      onShowNews={() => {
        toTop();
        showNews();
      }}
      onRefresh={refreshAll}
      empty={<EventsEmpty search={search} onSearch={change} onSend={onSend} />}
    >
      <VirtualTable
        label="Events"
        columns={columns}
        rows={feed.rows}
        idOf={idOfEvent}
        nameOf={nameOf}
        totalCount={feed.hasNext ? (count.data?.count ?? null) : feed.rows.length}
        openIds={openIds}
        onToggleOpen={toggleOpen}
        detail={detail}
        onVisit={({ id }) => void navigate({ to: '/events/$eventId', params: { eventId: id } })}
        onShown={onShown}
        onNearEnd={feed.isCutShort || feed.nextError ? undefined : feed.loadNext}
        isOutdated={feed.isOutdated}
        scrollRef={scrollRef}
        footer={
          <FeedFooter
            feed={feed}
            what="events"
            lookedAtMax={LOOKED_AT_MAX}
            filters="time or name"
            onTop={toTop}
          />
        }
      />
    </FeedFrame>
  );
}

const nameOf = ({ name, id }: EventRow) => `${name} ${id}`;

const detail = ({ id }: EventRow) => (
  <Suspense fallback={<Skeleton lines={6} />}>
    <EventDetail eventId={id} isInline />
  </Suspense>
);
