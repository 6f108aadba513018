import type { RunTrigger } from '../queries';

/** What the run was given, as JSON: the event, or a list of them for a batch. */
export function inputText(trigger: RunTrigger): string | null {
  const [only] = trigger.payloads;
  if (only === undefined) return null;
  return trigger.isBatch ? `[${trigger.payloads.join(',')}]` : only;
}

/** The data of the one event, to invoke the function with it; undefined if there is not one. */
export function invocationData(trigger: RunTrigger): Record<string, unknown> | undefined {
  if (trigger.isBatch || trigger.payloads.length !== 1) return undefined;
  const data = dataOf(trigger.payloads[0]);
  // What the server adds to find the way back is not the caller's.
  return data && Object.fromEntries(Object.entries(data).filter(([key]) => key !== '_inngest'));
}

/** For which time the schedule had planned it, and when it was due; undefined if it is not known. */
export function scheduleTimes(trigger: RunTrigger): { plannedFor?: string; firedAt?: string } {
  const data = trigger.cron === null ? undefined : dataOf(trigger.payloads[0]);
  const text = (value: unknown) => (typeof value === 'string' ? value : undefined);
  const plannedFor = text(data?.scheduledAt);
  const firedAt = text(data?.fireAt);
  return { ...(plannedFor ? { plannedFor } : {}), ...(firedAt ? { firedAt } : {}) };
}

function dataOf(payload: string | undefined): Record<string, unknown> | undefined {
  try {
    const { data } = JSON.parse(payload ?? '{}') as { data?: unknown };
    return typeof data === 'object' && data !== null
      ? (data as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** The name of an event, from its payload. */
export function nameOfEvent(payload: string | undefined): string {
  try {
    const { name } = JSON.parse(payload ?? '{}') as { name?: unknown };
    return typeof name === 'string' ? name : '';
  } catch {
    return '';
  }
}
