import type { SpanDetails } from '../queries';

/** What servers and SDKs note for themselves in the attributes of spans. */
const INTERNAL = /^(sys|inngest|userland|sdk)\b/;

/** The details of a span, wherever it is in the tree. */
export function detailsOf(root: SpanDetails, spanId: string): SpanDetails | null {
  if (root.spanID === spanId) return root;
  for (const child of root.childrenSpans ?? []) {
    const found = detailsOf(child, spanId);
    if (found) return found;
  }
  return null;
}

/** Status first, then headers by name. */
export function headersOf(response: NonNullable<SpanDetails['response']>): [string, unknown][] {
  const headers = Object.entries(response.headers)
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([name, value]): [string, unknown] => [name, [value].flat().join(', ')]);
  return [['Status', String(response.statusCode)], ...headers];
}

/** The app's attributes by name; none if there are none, or what is there is not JSON. */
export function attributesOf(json: string | null): [string, unknown][] {
  if (!json) return [];
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return [];
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value)
    .filter(([name]) => !INTERNAL.test(name))
    .sort(([a], [b]) => a.localeCompare(b));
}
