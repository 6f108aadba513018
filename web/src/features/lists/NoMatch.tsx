import { SearchX } from 'lucide-react';
import type { ReactNode } from 'react';
import { lengthOf, type TimeSearch, timeRangeOf } from '~/features/filters/time-range';
import { Button } from '~/ui/Button';
import { EmptyState } from '~/ui/Notice';

const MONTH_MS = 30 * 86_400_000;

/** No row to show, because of the filters. */
export function NoMatch(props: {
  /** The word for one of what is listed. */
  what: string;
  onClear: () => void;
  /** A button that looks at a longer range of time. */
  longer: ReactNode;
}) {
  return (
    <EmptyState
      icon={<SearchX />}
      title={`No ${props.what} matches`}
      actions={
        <>
          <Button kind="primary" onClick={props.onClear}>
            Clear filters
          </Button>
          {props.longer}
        </>
      }
    >
      <p>There may be {props.what}s outside of this range of time, or with other filters.</p>
    </EmptyState>
  );
}

/** Offers a longer range of time, unless it is long already. */
export function LookLonger<Search extends TimeSearch>(props: {
  search: Search;
  onSearch: (search: Search) => void;
}) {
  const { search, onSearch } = props;
  if (lengthOf(timeRangeOf(search)) >= MONTH_MS * 0.99) return null;
  return (
    <Button onClick={() => onSearch({ ...search, last: '30d', start: undefined, end: undefined })}>
      Look at 30 days
    </Button>
  );
}
