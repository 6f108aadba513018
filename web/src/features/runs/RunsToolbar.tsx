import { FilterX, RefreshCw } from 'lucide-react';
import type { ReactNode } from 'react';
import { AppFilter } from '~/features/filters/AppFilter';
import { FunctionFilter } from '~/features/filters/FunctionFilter';
import { StatusFilter } from '~/features/filters/StatusFilter';
import { TimeRangePicker } from '~/features/filters/TimeRangePicker';
import { timeRangeOf, timeSearchOf } from '~/features/filters/time-range';
import { cn } from '~/lib/cn';
import { Button, IconButton } from '~/ui/Button';
import { isAnythingSet, type RunsSearch } from './run-search';
import type { RunsScope } from './run-source';
import { TimeFieldMenu } from './TimeFieldMenu';

interface RunsToolbarProps {
  scope: RunsScope;
  search: RunsSearch;
  onSearch: (search: RunsSearch) => void;
  /** Shows and hides the search. */
  searchButton: ReactNode;
  /** How many runs there are. */
  count: ReactNode;
  columnChooser: ReactNode;
  isRefreshing: boolean;
  onRefresh: () => void;
}

/** What the list shows, and how much that is. */
export function RunsToolbar(props: RunsToolbarProps) {
  const { scope, search, onSearch } = props;
  const set = (change: Partial<RunsSearch>) => onSearch({ ...search, ...change });
  return (
    <div className="flex flex-wrap items-center gap-2">
      {props.searchButton}
      <div className="flex">
        <TimeFieldMenu
          className="rounded-r-none border-r-0"
          value={search.timeField}
          onChange={(timeField) => set({ timeField })}
        />
        <div className="min-w-0 [&>button]:rounded-l-none">
          <TimeRangePicker
            range={timeRangeOf(search)}
            onChange={(range) => set(timeSearchOf(range))}
          />
        </div>
      </div>
      <StatusFilter
        values={search.filterStatus ?? []}
        onChange={(filterStatus) => set({ filterStatus })}
      />
      {scope === 'env' && (
        <>
          <AppFilter values={search.filterApp ?? []} onChange={(filterApp) => set({ filterApp })} />
          <FunctionFilter
            values={search.filterFunction ?? []}
            onChange={(filterFunction) => set({ filterFunction })}
          />
        </>
      )}
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
        {props.columnChooser}
      </div>
    </div>
  );
}
