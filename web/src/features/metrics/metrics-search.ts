/** What the metrics page shows, in the address. */
import { type TimeSearch, validTimeSearch } from '~/features/filters/time-range';
import * as parameter from '~/lib/search-params';

export interface MetricsSearch extends TimeSearch {
  /** Ids of apps. */
  filterApp?: string[] | undefined;
  /** Ids of functions. */
  fns?: string[] | undefined;
  /** The numbers stand still; otherwise they follow what happens. */
  autoRefresh?: 'false' | undefined;
}

/** Older dashboards call the range `duration` and the apps `apps`. */
export function validMetricsSearch(raw: Record<string, unknown>): MetricsSearch {
  const filterApp =
    parameter.list(raw.filterApp, parameter.isUuid) ?? parameter.list(raw.apps, parameter.isUuid);
  const fns =
    parameter.list(raw.fns, parameter.isUuid) ??
    parameter.list(raw.filterFunction, parameter.isUuid);
  const autoRefresh = parameter.choice(raw.autoRefresh, ['false']);
  return {
    ...validTimeSearch({ ...raw, last: raw.last ?? raw.duration }),
    ...(filterApp ? { filterApp } : {}),
    ...(fns ? { fns } : {}),
    ...(autoRefresh ? { autoRefresh } : {}),
  };
}
