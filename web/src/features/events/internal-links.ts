/** What an event of the server itself is about. */
import { isUlid } from '~/lib/search-params';
import { isInternalName } from './draft';

export interface InternalLinks {
  /** The run that has ended. */
  runId: string | null;
  /** Slug of the function that has run or is invoked. */
  slug: string | null;
}

const NONE: InternalLinks = { runId: null, slug: null };

/** @param raw The JSON of the event. */
export function internalLinks(name: string, raw: string): InternalLinks {
  if (!isInternalName(name)) return NONE;
  const data = memberOf(JSON.parse(raw), 'data');
  const runId = memberOf(data, 'run_id');
  const slug = memberOf(data, 'function_id') ?? memberOf(memberOf(data, '_inngest'), 'fn_id');
  return {
    runId: typeof runId === 'string' && isUlid(runId) ? runId : null,
    slug: typeof slug === 'string' && slug !== '' ? slug : null,
  };
}

function memberOf(value: unknown, name: string): unknown {
  const isObject = typeof value === 'object' && value !== null;
  return isObject ? (value as Record<string, unknown>)[name] : undefined;
}
