import { FilterX, RefreshCw } from 'lucide-react';
import type { ReactNode } from 'react';
import { TimeRangePicker } from '~/features/filters/TimeRangePicker';
import { timeRangeOf, timeSearchOf } from '~/features/filters/time-range';
import { cn } from '~/lib/cn';
import { Button, IconButton } from '~/ui/Button';
import { Switch } from '~/ui/Field';
import { EventNameFilter } from './EventNameFilter';
import { type EventsSearch, isAnythingSet } from './event-search';

interface EventsToolbarProps {
  search: EventsSearch;
  onSearch: (search: EventsSearch) => void;
  /** Shows and hides the search. */
  searchButton: ReactNode;
  /** How many events there are. */
  count: ReactNode;
  isRefreshing: boolean;
  onRefresh: () => void;
}

/** What the list shows, and how much that is. */
export function EventsToolbar(props: EventsToolbarProps) {
  const { search, onSearch } = props;
  const set = (change: Partial<EventsSearch>) => onSearch({ ...search, ...change });
  return (
    <div className="flex flex-wrap items-center gap-2">
      {props.searchButton}
      <TimeRangePicker range={timeRangeOf(search)} onChange={(range) => set(timeSearchOf(range))} />
      <EventNameFilter
        values={search.filterEvent ?? []}
        onChange={(names) => set({ filterEvent: names.length > 0 ? names : undefined })}
      />
      <div className="px-1">
        <Switch
          label="Internal events"
          isOn={search.includeInternal ?? false}
          onChange={(isOn) => set({ includeInternal: isOn || undefined })}
        />
      </div>
      {isAnythingSet(search) && (
        <Button kind="ghost" icon={<FilterX aria-hidden />} onClick={() => onSearch({})}>
          Clear all
        </Button>
      )}
      <div className="ml-auto flex items-center gap-1">
        {props.count}
        <IconButton
          label="Refresh"
          icon={<RefreshCw className={cn(props.isRefreshing && 'animate-spin')} />}
          onClick={props.onRefresh}
        />
      </div>
    </div>
  );
}
