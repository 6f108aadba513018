import type { ReactNode } from 'react';
import { faultOf } from '~/features/search/faults';
import { SearchFault } from '~/features/search/SearchFault';
import { SearchPanel } from '~/features/search/SearchPanel';
import type { useSearchPanel } from '~/features/search/useSearchPanel';
import { ErrorNotice } from '~/ui/Notice';
import { Skeleton } from '~/ui/Skeleton';
import { NewRows } from './NewRows';
import type { Feed } from './useFeed';
import type { News } from './useFeedChanges';

interface FeedFrameProps {
  /** The word for one of what is listed. */
  what: 'run' | 'event';
  feed: Pick<Feed<unknown>, 'rows' | 'error' | 'isLoading' | 'isOutdated' | 'hasNext'>;
  toolbar: ReactNode;
  search: {
    value: string | undefined;
    panel: ReturnType<typeof useSearchPanel>;
    onSearch: (value: string | undefined) => void;
  };
  /** Below toolbar and search: what can be done with selected rows. */
  selectionBar?: ReactNode;
  news: News | null;
  onShowNews: () => void;
  onRefresh: () => void;
  /** In place of the table when there is no row. */
  empty: ReactNode;
  /** The table. */
  children: ReactNode;
}

/** What is around the rows of a list, or in their place: search, news, and why there are none. */
export function FeedFrame(props: FeedFrameProps) {
  const { what, feed, search, onRefresh } = props;
  const fault = faultOf(feed.error);
  const hasRows = feed.rows.length > 0;
  return (
    <div className="flex h-full min-h-0 flex-col">
      <div className="flex shrink-0 flex-col gap-2 border-line border-b px-4 py-2">
        {props.toolbar}
        {search.panel.isOpen && (
          <SearchPanel
            subject={what === 'run' ? 'RUNS' : 'EVENTS'}
            value={search.value}
            onSearch={search.onSearch}
            isSearching={search.value !== undefined && (feed.isLoading || feed.isOutdated)}
            error={feed.error}
            takesFocus={search.panel.takesFocus}
          />
        )}
        {props.selectionBar}
        {feed.error && hasRows && !fault && (
          <ErrorNotice
            title="The list could not be refreshed"
            error={feed.error}
            onRetry={onRefresh}
          />
        )}
      </div>
      <div className="relative flex min-h-0 flex-1 flex-col">
        <NewRows news={props.news} what={what} onShow={props.onShowNews} />
        {fault && !hasRows ? (
          <SearchFault onRemove={() => search.onSearch(undefined)} />
        ) : feed.error && !hasRows ? (
          <div className="p-4">
            <ErrorNotice
              title={`The ${what}s could not be loaded`}
              error={feed.error}
              onRetry={onRefresh}
            />
          </div>
        ) : feed.isLoading ? (
          <Skeleton lines={12} />
        ) : hasRows || feed.hasNext ? (
          props.children
        ) : (
          props.empty
        )}
      </div>
    </div>
  );
}
