/** Cancelling everything a list means, loaded or not: a bulk cancellation of one function. */
import { boundsOf, timeRangeOf } from '~/features/filters/time-range';
import type { RunsSearch } from '../run-search';
import type { RunsScope } from '../run-source';

/** Why the filters are none that a bulk cancellation can have; null if they are. */
export function whyNotMatching(search: RunsSearch, scope: RunsScope): string | null {
  if (scope === 'env' && search.filterFunction?.length !== 1) {
    return 'Limit the list to one function first: all of its runs can be cancelled at once.';
  }
  if (search.search) return 'Take the search back first: it cannot limit what is cancelled.';
  if ((search.timeField ?? 'QUEUED_AT') !== 'QUEUED_AT') {
    return 'List the runs by when they were queued first: that decides what is cancelled.';
  }
  const statuses = search.filterStatus ?? [];
  const isOneOnly = statuses.includes('QUEUED') !== statuses.includes('RUNNING');
  if (isOneOnly) {
    return 'Show both queued and running runs first: one without the other cannot be cancelled.';
  }
  if (statuses.length > 0 && !statuses.includes('RUNNING')) return 'All of these runs have ended.';
  return null;
}

/** The stretch of time that is cancelled, as the list shows it now. */
export function boundsToCancel(search: RunsSearch, now: number = Date.now()) {
  const { from, until } = boundsOf(timeRangeOf(search), now);
  return { startedAfter: from, startedBefore: until ?? new Date(now).toISOString() };
}
