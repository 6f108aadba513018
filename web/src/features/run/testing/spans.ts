import type { Span } from '../queries';

/** When the runs of tests are queued. */
export const BEGIN_MS = Date.parse('2026-11-21T09:00:00.000Z');

/** An instant after the beginning, as the server writes it. */
export function at(ms: number): string {
  return new Date(BEGIN_MS + ms).toISOString();
}

let made = 0;

/** A span with what matters given, in milliseconds after the beginning. */
export function spanOf(
  facts: Partial<Omit<Span, 'queuedAt' | 'startedAt' | 'endedAt' | 'scheduledAt'>> & {
    queued?: number;
    scheduled?: number;
    started?: number | null;
    ended?: number | null;
  } = {},
): Span {
  const { queued = 0, started = queued, ended = null, scheduled = queued, ...rest } = facts;
  made += 1;
  return {
    spanID: `span-${made}`,
    name: 'span',
    status: ended === null ? 'RUNNING' : 'COMPLETED',
    groupID: null,
    attempts: 0,
    outputID: null,
    isUserland: false,
    queuedAt: at(queued),
    scheduledAt: at(scheduled),
    startedAt: started === null ? null : at(started),
    endedAt: ended === null ? null : at(ended),
    duration: null,
    stepOp: null,
    stepID: null,
    stepType: '',
    stepInfo: null,
    metadata: [],
    response: null,
    childrenSpans: [],
    ...rest,
  };
}

/** An attempt at a step that runs code. */
export function stepOf(name: string, facts: Parameters<typeof spanOf>[0] = {}): Span {
  return spanOf({
    name,
    stepID: `id of ${name}`,
    groupID: `group of ${name}`,
    stepOp: 'RUN',
    stepType: 'RUN',
    outputID: `output of ${name}`,
    ...facts,
  });
}

/** An answer about the function itself. */
export function answerOf(groupID: string, facts: Parameters<typeof spanOf>[0] = {}): Span {
  return spanOf({ name: 'executor.nonstep', groupID, outputID: `output of ${groupID}`, ...facts });
}

/** The sum of the answers with which the function ended. */
export function finalizationOf(groupID: string, facts: Parameters<typeof spanOf>[0] = {}): Span {
  return spanOf({ name: 'Finalization', groupID, stepType: 'FINALIZATION', ...facts });
}

/** A span of the app's own tracing. */
export function userSpanOf(name: string, facts: Parameters<typeof spanOf>[0] = {}): Span {
  return spanOf({ name, isUserland: true, attempts: null, ...facts });
}

/** A run that has ended, with these spans below it. */
export function runOf(children: Span[], facts: Parameters<typeof spanOf>[0] = {}): Span {
  return spanOf({ name: 'Run', spanID: 'root', ended: 1_000, childrenSpans: children, ...facts });
}
