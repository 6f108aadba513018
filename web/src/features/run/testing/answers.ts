import type { RunFacts, Span, SpanOutput, Waiting } from '../queries';
import { at, runOf, stepOf } from './spans';

export const RUN_ID = '01M7ZNN07K5TF1J8M57THAGFN6';
export const EVENT_ID = '01M7ZNN07K7BG8V6BPHS60CB0G';

/** A run that has ended, with what matters given. */
export function factsOf(facts: Partial<RunFacts> = {}): RunFacts {
  return {
    id: RUN_ID,
    status: 'COMPLETED',
    queuedAt: at(0),
    scheduledAt: at(0),
    startedAt: at(5),
    endedAt: at(1_000),
    hasAI: false,
    eventName: 'order/created',
    cronSchedule: null,
    isBatch: false,
    batchID: null,
    functionVersion: 1,
    cancelReason: null,
    cancelEventID: null,
    skipReason: null,
    skipExistingRunID: null,
    originRunID: null,
    parentRunID: null,
    replayID: null,
    app: { id: 'app', name: 'shop', externalID: 'shop', method: 'SERVE' },
    function: { name: 'Process order', slug: 'shop-process-order' },
    ...facts,
  };
}

interface Told {
  run?: Partial<RunFacts>;
  spans?: Span[];
  root?: Parameters<typeof runOf>[1];
  waiting?: Partial<Waiting>[];
  /** By the id of the output. */
  outputs?: Record<string, Partial<SpanOutput>>;
}

/** The server's answers to all that the page of a run asks. */
export function answersOf(told: Told = {}) {
  const spans = told.spans ?? [stepOf('load', { ended: 10 })];
  const root = runOf(spans, { outputID: 'output of the run', ...told.root });
  return {
    Run: { data: { run: factsOf(told.run) } },
    RunTrace: { data: { runTrace: root } },
    RunWaiting: { data: { runWaiting: (told.waiting ?? []).map(waitingOf) } },
    RunTrigger: {
      data: {
        runTrigger: {
          eventName: 'order/created',
          IDs: [EVENT_ID],
          payloads: ['{"name":"order/created","data":{"id":7}}'],
          timestamp: at(0),
          isBatch: false,
          batchID: null,
          cron: null,
        },
      },
    },
    SpanOutput: ({ outputID }: Record<string, unknown>) => {
      const found = told.outputs?.[String(outputID)];
      const output = { input: null, data: `"${String(outputID)}"`, error: null, ...found };
      return { data: { runTraceSpanOutputByID: output } };
    },
  };
}

function waitingOf(facts: Partial<Waiting>): Waiting {
  return {
    id: 'item',
    stepID: '',
    underWay: false,
    constraint: 'none',
    key: null,
    value: '',
    limit: null,
    inUse: null,
    ahead: 0,
    startsAt: null,
    message: 'Its turn has not come',
    ...facts,
  };
}
