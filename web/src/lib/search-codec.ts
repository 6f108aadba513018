/**
 * Search parameters as readable text: `?filterStatus=FAILED,RUNNING&last=3d`.
 *
 * Parsing makes texts and lists of texts of them, nothing else; what they mean is decided by each
 * page (`search-params.ts`). Links of older dashboards hold JSON, sometimes in quotes: a page that
 * expects a list understands those too.
 */
export type RawSearch = Record<string, string | string[]>;

/** Parses `?a=1&b=x,y`. A parameter that is not valid percent-encoding is kept as it stands. */
export function parseSearch(text: string): RawSearch {
  const found: RawSearch = {};
  for (const part of text.replace(/^\?/, '').split('&')) {
    if (!part) continue;
    const [name, ...rest] = part.split('=');
    const values = rest.join('=').split(',').map(decoded);
    const key = decoded(name ?? '');
    const before = found[key];
    const all = before === undefined ? values : [...[before].flat(), ...values];
    found[key] = all.length === 1 ? (all[0] ?? '') : all;
  }
  return found;
}

/** The text of search parameters; what is empty or undefined is left out. */
export function stringifySearch(search: Record<string, unknown>): string {
  const parts: string[] = [];
  for (const [name, value] of Object.entries(search)) {
    const values = (Array.isArray(value) ? value : [value]).filter(
      (each) => each !== undefined && each !== null && each !== '' && each !== false,
    );
    if (values.length === 0) continue;
    parts.push(`${encoded(name)}=${values.map((each) => encoded(String(each))).join(',')}`);
  }
  return parts.length > 0 ? `?${parts.join('&')}` : '';
}

/** Percent-encoding of what would be misread; `/`, `:` and quotes stay readable. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(/%2F/g, '/').replace(/%3A/g, ':').replace(/%20/g, '+');
}

function decoded(text: string): string {
  const spaced = text.replace(/\+/g, ' ');
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}
