import { useNavigate } from '@tanstack/react-router';
import { lazy, Suspense, useCallback, useMemo, useRef } from 'react';
import { isAtRest } from '~/features/lists/at-rest';
import { FeedFooter } from '~/features/lists/FeedFooter';
import { NewRows } from '~/features/lists/NewRows';
import { toggled } from '~/features/lists/selection';
import { useFeed } from '~/features/lists/useFeed';
import { useFeedChanges } from '~/features/lists/useFeedChanges';
import { useIdSet } from '~/features/lists/useSelection';
import { faultOf } from '~/features/search/faults';
import { SearchButton } from '~/features/search/SearchButton';
import { SearchPanel } from '~/features/search/SearchPanel';
import { useSearchPanel } from '~/features/search/useSearchPanel';
import { ErrorNotice } from '~/ui/Notice';
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

  const fault = faultOf(feed.error);
  const isEmpty = !feed.isLoading && feed.rows.length === 0 && !feed.hasNext;
  return (
    <div className="flex h-full min-h-0 flex-col">
      <div className="flex shrink-0 flex-col gap-2 border-line border-b px-4 py-2">
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
        {panel.isOpen && (
          <SearchPanel
            subject="EVENTS"
            value={search.search}
            onSearch={(text) => change({ ...search, search: text })}
            isSearching={search.search !== undefined && (feed.isLoading || feed.isOutdated)}
            error={feed.error}
            takesFocus={panel.takesFocus}
          />
        )}
        {feed.error && feed.rows.length > 0 && !fault && (
          <ErrorNotice
            title="The list could not be refreshed"
            error={feed.error}
            onRetry={refreshAll}
          />
        )}
      </div>
      <div className="relative flex min-h-0 flex-1 flex-col">
        <NewRows
          news={news}
          what="event"
          onShow={() => {
            toTop();
            showNews();
          }}
        />
        {feed.error && feed.rows.length === 0 ? (
          <div className="p-4">
            <ErrorNotice
              title={fault ? 'The search cannot be understood' : 'The events could not be loaded'}
              error={fault ? new Error(fault.message) : feed.error}
              {...(fault ? {} : { onRetry: refreshAll })}
            />
          </div>
        ) : feed.isLoading ? (
          <Skeleton lines={12} />
        ) : isEmpty ? (
          <EventsEmpty search={search} onSearch={change} onSend={onSend} />
        ) : (
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
        )}
      </div>
    </div>
  );
}

const nameOf = ({ name, id }: EventRow) => `${name} ${id}`;

const detail = ({ id }: EventRow) => (
  <Suspense fallback={<Skeleton lines={6} />}>
    <EventDetail eventId={id} isInline />
  </Suspense>
);
