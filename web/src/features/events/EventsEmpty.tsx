import { Radio } from 'lucide-react';
import { LookLonger, NoMatch } from '~/features/lists/NoMatch';
import { Button } from '~/ui/Button';
import { EmptyState } from '~/ui/Notice';
import { type EventsSearch, isFiltered } from './event-search';

interface EventsEmptyProps {
  search: EventsSearch;
  onSearch: (search: EventsSearch) => void;
  onSend: () => void;
}

/** No event to show: because of the filters, or because none came in the range of time. */
export function EventsEmpty({ search, onSearch, onSend }: EventsEmptyProps) {
  const longer = <LookLonger search={search} onSearch={onSearch} />;
  if (isFiltered(search)) {
    const { last, start, end, includeInternal } = search;
    return (
      <NoMatch
        what="event"
        onClear={() => onSearch({ last, start, end, includeInternal })}
        longer={longer}
      />
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
