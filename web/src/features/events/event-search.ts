/** What the list of events shows, as search parameters: `?filterEvent=shop/order&last=3d`. */
import { type TimeSearch, validTimeSearch } from '~/features/filters/time-range';
import { withoutBlankLines } from '~/features/search/text';
import * as parameter from '~/lib/search-params';

/** Parameters that are left out stand for the default, or for everything. */
export interface EventsSearch extends TimeSearch {
  /** Exact names. */
  filterEvent?: string[] | undefined;
  /** Also events of the server itself. */
  includeInternal?: true | undefined;
  /** Conditions in CEL, one a line. */
  search?: string | undefined;
}

/** The server takes no more names. */
const NAMES_MAX = 100;

/** For `validateSearch`: what makes no sense is left out, as is what says the default. */
export function validEventsSearch(raw: Record<string, unknown>): EventsSearch {
  const found: EventsSearch = {
    ...validTimeSearch(raw),
    filterEvent: parameter.list(raw.filterEvent, parameter.isAnything)?.slice(0, NAMES_MAX),
    includeInternal: parameter.flag(raw.includeInternal),
    search: withoutBlankLines(parameter.text(raw.search)),
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}

/** Whether anything but the range of time limits the list. */
export function isFiltered({ filterEvent, search }: EventsSearch): boolean {
  return filterEvent !== undefined || search !== undefined;
}

/** Whether anything at all is not as it is at first. */
export function isAnythingSet(search: EventsSearch): boolean {
  const { last, start, includeInternal } = search;
  return isFiltered(search) || Boolean(last || start || includeInternal);
}
