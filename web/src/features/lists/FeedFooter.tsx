import { Button } from '~/ui/Button';
import { ErrorNotice, Notice } from '~/ui/Notice';
import type { Feed } from './useFeed';

interface FeedFooterProps<Row> {
  feed: Feed<Row>;
  /** The word for many of what is listed. */
  what: string;
  /** How many a search looks at before it stops. */
  lookedAtMax: number;
  /** By what the list can be narrowed. */
  filters: string;
  onTop: () => void;
}

/** So many rows are more than a window shows: then the way back is long. */
const LONG = 20;

/** What comes after the last row: more, the end, or why there is no more. */
export function FeedFooter<Row>(props: FeedFooterProps<Row>) {
  const { feed, what, onTop } = props;
  if (feed.nextError) {
    return (
      <div className="p-4">
        <ErrorNotice
          title={`More ${what} could not be loaded`}
          error={feed.nextError}
          onRetry={feed.loadNext}
        />
      </div>
    );
  }
  if (feed.isCutShort) {
    return (
      <div className="p-4">
        <Notice
          severity="warning"
          title={feed.rows.length === 0 ? 'Nothing found so far' : 'There may be more'}
          actions={
            <Button size="small" isBusy={feed.isLoadingNext} onClick={feed.loadNext}>
              Search on
            </Button>
          }
        >
          The search stopped after looking at as many {what} as one request may,{' '}
          {props.lookedAtMax.toLocaleString()} at most. Search on from there, or narrow the list by{' '}
          {props.filters}.
        </Notice>
      </div>
    );
  }
  if (feed.isLoadingNext || feed.hasNext) {
    return (
      <p role="status" className="p-3 text-center text-ink-faint text-xs">
        Loading more…
      </p>
    );
  }
  if (feed.rows.length < LONG) return null;
  return (
    <p className="flex items-center justify-center gap-2 p-2 text-ink-faint text-xs">
      No more {what} in this range.
      <Button kind="ghost" size="small" onClick={onTop}>
        Back to the top
      </Button>
    </p>
  );
}
