import { isUlid } from '~/lib/search-params';

const SHOWN_MAX = 20;
/** Longer outputs are not those of a step that sent events. */
const CHARS_MAX = 10_000;

/** The ids of the events that a step sent; none if it is a step of another kind. */
export function sentEventIds(stepType: string, output: string | null): string[] {
  if (stepType !== 'step.sendEvent' || output === null || output.length > CHARS_MAX) return [];
  let value: unknown;
  try {
    value = JSON.parse(output);
  } catch {
    return [];
  }
  const ids = Array.isArray(value) ? value : ((value as { ids?: unknown } | null)?.ids ?? []);
  if (!Array.isArray(ids)) return [];
  return ids.filter((id) => typeof id === 'string' && isUlid(id)).slice(0, SHOWN_MAX);
}
