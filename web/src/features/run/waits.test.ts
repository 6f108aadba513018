import { describe, expect, it } from 'vitest';
import { formatRelative } from '~/lib/time';
import { formatDeadline } from './clock';
import type { Span } from './queries';
import { at, BEGIN_MS, runOf, stepOf } from './testing/spans';
import { arrange } from './timeline/arrange';
import { remarkOf } from './waits';

const DAY_MS = 86_400_000;
const going = { ended: null, status: 'RUNNING' } as const;

function remark(spans: Span[], nowMs = BEGIN_MS, facts: object = going) {
  const [node] = arrange(runOf(spans, facts)).children;
  return node && remarkOf(node, nowMs);
}

/** When something is due, as readers of this locale are told. */
const due = (ms: number) =>
  `${formatDeadline(at(ms), BEGIN_MS)} (${formatRelative(at(ms), BEGIN_MS)})`;

const wait = (facts: Partial<Span> = {}) =>
  stepOf('paid', {
    stepOp: 'WAIT_FOR_EVENT',
    status: 'WAITING',
    stepInfo: {
      __typename: 'WaitForEventStepInfo',
      eventName: 'order/paid',
      expression: null,
      waitTimeout: at(2 * DAY_MS),
      foundEventID: null,
      waitTimedOut: null,
    },
    ...facts,
  });

describe('remarkOf', () => {
  it('says which event is waited for, and until when', () => {
    expect(remark([wait()])).toBe(`Waiting for order/paid until ${due(2 * DAY_MS)}`);
  });

  it('says how long a sleep lasts', () => {
    const nap = stepOf('nap', {
      stepOp: 'SLEEP',
      status: 'WAITING',
      stepInfo: { __typename: 'SleepStepInfo', sleepUntil: at(90_000) },
    });
    expect(remark([nap])).toBe(`Sleeping until ${due(90_000)}`);
  });

  it('says which function and which signal is waited for', () => {
    const invoke = stepOf('ask', {
      stepOp: 'INVOKE',
      stepInfo: {
        __typename: 'InvokeStepInfo',
        triggeringEventID: 'E',
        functionID: 'shop-receipt',
        invokeTimeout: at(3_600_000),
        returnEventID: null,
        runID: null,
        invokeTimedOut: null,
      },
    });
    expect(remark([invoke])).toMatch(/^Waiting for shop-receipt until /);
    const signal = stepOf('go', {
      stepOp: 'WAIT_FOR_SIGNAL',
      stepInfo: {
        __typename: 'WaitForSignalStepInfo',
        signal: 'approved',
        signalTimeout: at(3_600_000),
        signalTimedOut: null,
      },
    });
    expect(remark([signal])).toMatch(/^Waiting for the signal approved until /);
  });

  it('says when a step is tried again', () => {
    const failed = stepOf('charge', { ended: 10, status: 'FAILED' });
    const next = stepOf('charge', {
      attempts: 1,
      queued: 10,
      scheduled: 30_010,
      started: null,
      status: 'QUEUED',
    });
    expect(remark([failed, next], BEGIN_MS + 10)).toBe(
      `Next attempt ${formatRelative(at(30_010), BEGIN_MS + 10)}`,
    );
    expect(remark([failed, next], BEGIN_MS + 40_000)).toBeNull();
  });

  it('says nothing of what has ended, or was ended with the run', () => {
    expect(remark([wait({ endedAt: at(5), status: 'COMPLETED' })])).toBeNull();
    expect(remark([wait()], BEGIN_MS, { ended: 50, status: 'CANCELLED' })).toBeNull();
  });

  it('says nothing of code that runs', () => {
    expect(remark([stepOf('work')])).toBeNull();
  });
});
