import { Radio, SearchX } from 'lucide-react';
import { lengthOf, timeRangeOf } from '~/features/filters/time-range';
import { Button } from '~/ui/Button';
import { EmptyState } from '~/ui/Notice';
import { type EventsSearch, isFiltered } from './event-search';

const MONTH_MS = 30 * 86_400_000;

interface EventsEmptyProps {
  search: EventsSearch;
  onSearch: (search: EventsSearch) => void;
  onSend: () => void;
}

/** No event to show: because of the filters, or because none came in the range of time. */
export function EventsEmpty({ search, onSearch, onSend }: EventsEmptyProps) {
  const isShort = lengthOf(timeRangeOf(search)) < MONTH_MS * 0.99;
  const longer = isShort && (
    <Button onClick={() => onSearch({ ...search, last: '30d', start: undefined, end: undefined })}>
      Look at 30 days
    </Button>
  );
  if (isFiltered(search)) {
    const { last, start, end, includeInternal } = search;
    return (
      <EmptyState
        icon={<SearchX />}
        title="No event matches"
        actions={
          <>
            <Button kind="primary" onClick={() => onSearch({ last, start, end, includeInternal })}>
              Clear filters
            </Button>
            {longer}
          </>
        }
      >
        <p>There may be events outside of this range of time, or with other filters.</p>
      </EmptyState>
    );
  }
  return (
    <EmptyState
      icon={<Radio />}
      title="No events in this range"
      actions={
        <>
          <Button kind="primary" onClick={onSend}>
            Send an event
          </Button>
          {longer}
        </>
      }
    >
      <p>
        Events start functions. Apps send them, and so can you; they appear here by themselves, with
        what they started.
      </p>
    </EmptyState>
  );
}
