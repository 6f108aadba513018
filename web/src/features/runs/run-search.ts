/** What a list of runs shows, as search parameters: `?filterStatus=FAILED&last=3d`. */
import { isListedStatus } from '~/features/filters/StatusFilter';
import { type TimeSearch, validTimeSearch } from '~/features/filters/time-range';
import { withoutBlankLines } from '~/features/search/text';
import * as parameter from '~/lib/search-params';
import type { RunStatus } from '~/lib/status';

export const TIME_FIELDS = ['QUEUED_AT', 'STARTED_AT', 'ENDED_AT'] as const;
/** The time by which runs are sorted, and which must be in the range. */
export type TimeField = (typeof TIME_FIELDS)[number];
export const DEFAULT_TIME_FIELD: TimeField = 'QUEUED_AT';

/** Parameters that are left out stand for the default, or for everything. */
export interface RunsSearch extends TimeSearch {
  timeField?: TimeField | undefined;
  filterStatus?: RunStatus[] | undefined;
  /** Ids of apps. */
  filterApp?: string[] | undefined;
  /** Ids of functions. */
  filterFunction?: string[] | undefined;
  /** Conditions in CEL, one a line. */
  search?: string | undefined;
}

/** For `validateSearch`: what makes no sense is left out, as is what says the default. */
export function validRunsSearch(raw: Record<string, unknown>): RunsSearch {
  const timeField = parameter.choice(raw.timeField, TIME_FIELDS);
  const found: RunsSearch = {
    ...validTimeSearch(raw),
    timeField: timeField === DEFAULT_TIME_FIELD ? undefined : timeField,
    filterStatus: parameter.list(raw.filterStatus, isListedStatus),
    filterApp: parameter.list(raw.filterApp, parameter.isUuid),
    filterFunction: parameter.list(raw.filterFunction, parameter.isUuid),
    search: withoutBlankLines(parameter.text(raw.search)),
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}

/** Whether anything but the range of time limits the list. */
export function isFiltered(search: RunsSearch): boolean {
  const { filterStatus, filterApp, filterFunction, search: text } = search;
  return Boolean(filterStatus || filterApp || filterFunction || text);
}

/** Whether anything at all is not as it is at first. */
export function isAnythingSet(search: RunsSearch): boolean {
  return isFiltered(search) || Boolean(search.last || search.start || search.timeField);
}
