/** What the list of functions is limited to, in the address. */
import * as parameter from '~/lib/search-params';

export interface FunctionsSearch {
  /** Part of a name. */
  query?: string | undefined;
  /** Ids of apps. */
  filterApp?: string[] | undefined;
  archived?: true | undefined;
}

/** Older dashboards call the text `nameSearch`. */
export function validFunctionsSearch(raw: Record<string, unknown>): FunctionsSearch {
  const query = parameter.text(raw.query) ?? parameter.text(raw.nameSearch);
  const filterApp = parameter.list(raw.filterApp, parameter.isUuid);
  const archived = parameter.flag(raw.archived);
  return {
    ...(query ? { query } : {}),
    ...(filterApp ? { filterApp } : {}),
    ...(archived ? { archived } : {}),
  };
}
