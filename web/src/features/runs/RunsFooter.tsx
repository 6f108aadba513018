import type { Feed } from '~/features/lists/useFeed';
import { Button } from '~/ui/Button';
import { ErrorNotice, Notice } from '~/ui/Notice';
import type { RunRow } from './run-source';

interface RunsFooterProps {
  feed: Feed<RunRow>;
  onTop: () => void;
}

/** What comes after the last row: more, the end, or why there is no more. */
export function RunsFooter({ feed, onTop }: RunsFooterProps) {
  if (feed.nextError) {
    return (
      <div className="p-4">
        <ErrorNotice
          title="More runs could not be loaded"
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
          The search stopped after looking at as many runs as one request may, 50,000 at most.
          Search on from there, or narrow the list by time, status or function.
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
  if (feed.rows.length < 20) return null;
  return (
    <p className="flex items-center justify-center gap-2 p-2 text-ink-faint text-xs">
      No more runs in this range.
      <Button kind="ghost" size="small" onClick={onTop}>
        Back to the top
      </Button>
    </p>
  );
}
