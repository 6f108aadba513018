import { describe, expect, it } from 'vitest';
import type { SpanMetadata } from '../queries';
import {
  answerOf,
  BEGIN_MS,
  finalizationOf,
  runOf,
  spanOf,
  stepOf,
  userSpanOf,
} from '../testing/spans';
import { arrange } from './arrange';
import type { TraceNode } from './node';

const names = (node: TraceNode) => node.children.map((child) => child.name);
const child = (node: TraceNode, at: number): TraceNode => {
  const found = node.children[at];
  if (!found) throw new Error(`there is no child ${at}`);
  return found;
};

describe('a run without steps', () => {
  it('has one row for what the function came to, with its output', () => {
    const root = arrange(
      runOf([finalizationOf('g', { ended: 9 }), answerOf('g', { ended: 9 })], { ended: 9 }),
    );
    expect(names(root)).toEqual(['Function result']);
    expect(child(root, 0).span.outputID).toBe('output of g');
    expect(child(root, 0).kind).toBe('function');
  });

  it('is told as an error if the function failed', () => {
    const failed = { ended: 9, status: 'FAILED' } as const;
    const root = arrange(runOf([finalizationOf('g', failed), answerOf('g', failed)], failed));
    expect(names(root)).toEqual(['Function error']);
    expect(child(root, 0).children).toEqual([]);
  });

  it('shows the call that is under way', () => {
    const call = spanOf({ name: 'Execution', groupID: 'g' });
    const root = arrange(runOf([call], { ended: null, status: 'RUNNING' }));
    expect(names(root)).toEqual(['Function call']);
  });

  it('has no rows before its first call', () => {
    const queued = runOf([], { started: null, ended: null, status: 'QUEUED' });
    expect(arrange(queued).children).toEqual([]);
  });
});

describe('attempts', () => {
  const failed = stepOf('charge', { queued: 0, ended: 10, status: 'FAILED' });
  const again = stepOf('charge', {
    queued: 10,
    scheduled: 60,
    started: 65,
    ended: 80,
    attempts: 1,
  });

  it('at a step are below one row, which lasts from the first to the last', () => {
    const root = arrange(runOf([again, failed]));
    const step = child(root, 0);
    expect(names(root)).toEqual(['charge']);
    expect(names(step)).toEqual(['Attempt 1', 'Attempt 2']);
    expect(step).toMatchObject({
      id: 'id of charge',
      status: 'COMPLETED',
      attemptCount: 2,
      queuedMs: BEGIN_MS,
      startedMs: BEGIN_MS,
      endedMs: BEGIN_MS + 80,
    });
    expect(step.span).toBe(again);
  });

  it('keep their pauses and queues apart in the bar of the step', () => {
    const step = child(arrange(runOf([failed, again])), 0);
    expect(step.segments.map(({ kind, tone }) => [kind, tone])).toEqual([
      ['work', 'bad'],
      ['pause', 'good'],
      ['queue', 'good'],
      ['work', 'good'],
    ]);
  });

  it('keep the row of the step when the second one comes', () => {
    const before = child(arrange(runOf([failed])), 0);
    const after = child(arrange(runOf([failed, again])), 0);
    expect(before.id).toBe(after.id);
  });

  it('that are told twice count once, as told last', () => {
    const twin = stepOf('charge', { ended: 12 });
    const step = child(arrange(runOf([failed, twin])), 0);
    expect(step.attemptCount).toBe(1);
    expect(step.endedMs).toBe(BEGIN_MS + 12);
  });

  it('at the function are below what it came to', () => {
    const root = arrange(
      runOf([
        finalizationOf('g', {
          ended: 90,
          childrenSpans: [
            spanOf({ name: 'Attempt 0', attempts: 0, childrenSpans: [userSpanOf('query')] }),
            spanOf({ name: 'Attempt 1', attempts: 1 }),
          ],
        }),
        answerOf('g', { ended: 10, status: 'FAILED' }),
        answerOf('g', { queued: 10, ended: 90, attempts: 1 }),
      ]),
    );
    const end = child(root, 0);
    expect(end.name).toBe('Function result');
    expect(names(end)).toEqual(['Attempt 1', 'Attempt 2']);
    expect(names(child(end, 0))).toEqual(['query']);
    expect(names(child(end, 1))).toEqual([]);
  });

  it('at the function that failed before a step was found belong to the step', () => {
    const answers = [0, 1].map((attempts) =>
      answerOf('job', { attempts, queued: attempts, ended: attempts + 1, status: 'FAILED' }),
    );
    const step = stepOf('a', { groupID: 'job', attempts: 2, queued: 2, ended: 4 });
    const root = arrange(runOf([...answers, step]));
    expect(names(root)).toEqual(['a']);
    expect(names(child(root, 0))).toEqual(['Attempt 1', 'Attempt 2', 'Attempt 3']);
  });

  it('at the function are a row of their own if they came to several steps', () => {
    const answer = answerOf('job', { ended: 1, status: 'FAILED' });
    const steps = ['a', 'b'].map((name) =>
      stepOf(name, { groupID: 'job', attempts: 1, queued: 5 }),
    );
    expect(names(arrange(runOf([answer, ...steps])))).toEqual(['Function error', 'a', 'b']);
  });

  it('at the function include the one that is under way', () => {
    const answer = answerOf('g', { ended: 1, status: 'FAILED' });
    const call = spanOf({ name: 'Execution', groupID: 'g', queued: 1, attempts: 1 });
    const root = arrange(runOf([answer, call], { ended: null, status: 'RUNNING' }));
    expect(names(root)).toEqual(['Function call']);
    expect(names(child(root, 0))).toEqual(['Attempt 1', 'Attempt 2']);
  });
});

describe('kinds', () => {
  it('follow what the step does', () => {
    const ops = ['RUN', 'SLEEP', 'WAIT_FOR_EVENT', 'WAIT_FOR_SIGNAL', 'INVOKE', 'AI_GATEWAY'];
    const steps = ops.map((op) => stepOf(op, { stepOp: op as 'RUN' }));
    expect(arrange(runOf(steps)).children.map(({ kind }) => kind)).toEqual([
      'step',
      'sleep',
      'event',
      'signal',
      'invoke',
      'model',
    ]);
  });

  it('of waiting are drawn as waiting', () => {
    const sleep = stepOf('nap', { stepOp: 'SLEEP', status: 'WAITING' });
    const node = child(arrange(runOf([sleep], { ended: null, status: 'RUNNING' })), 0);
    expect(node.segments).toEqual([
      { kind: 'wait', fromMs: BEGIN_MS, toMs: null, tone: 'waiting' },
    ]);
  });
});

describe('names', () => {
  it('lose what only says which call of the SDK it was', () => {
    expect(names(arrange(runOf([stepOf('step.load')])))).toEqual(['load']);
    expect(names(arrange(runOf([stepOf('inngest/send')])))).toEqual(['send']);
  });

  it('are never empty', () => {
    expect(names(arrange(runOf([stepOf('')])))).toEqual(['Unnamed']);
  });
});

describe('order', () => {
  it('is that of queueing, and the server’s for what was queued together', () => {
    const root = arrange(
      runOf([
        stepOf('late', { queued: 50 }),
        stepOf('b', { queued: 10 }),
        stepOf('a', { queued: 10 }),
      ]),
    );
    expect(names(root)).toEqual(['b', 'a', 'late']);
  });
});

describe('what had not ended when the run did', () => {
  it('ends with the run and is told as cancelled', () => {
    const node = child(
      arrange(runOf([stepOf('wait', { status: 'WAITING' })], { status: 'CANCELLED', ended: 70 })),
      0,
    );
    expect(node).toMatchObject({
      isLeftOpen: true,
      status: 'CANCELLED',
      endedMs: BEGIN_MS + 70,
    });
  });

  it('goes on while the run does', () => {
    const node = child(arrange(runOf([stepOf('work')], { status: 'RUNNING', ended: null })), 0);
    expect(node).toMatchObject({ isLeftOpen: false, endedMs: null });
  });
});

describe('spans of the app', () => {
  it('are nested below the attempt they belong to', () => {
    const span = userSpanOf('query', { childrenSpans: [userSpanOf('connect')] });
    const root = arrange(runOf([stepOf('load', { ended: 5, childrenSpans: [span] })]));
    expect(names(child(root, 0))).toEqual(['query']);
    expect(names(child(child(root, 0), 0))).toEqual(['connect']);
  });

  it('have ended when they have a duration, though nobody called them a success', () => {
    const span = userSpanOf('query', { started: 20, duration: 7, status: 'RUNNING' });
    const root = arrange(runOf([stepOf('load', { childrenSpans: [span] })], { ended: 500 }));
    expect(child(child(root, 0), 0)).toMatchObject({
      status: 'COMPLETED',
      endedMs: BEGIN_MS + 27,
      isLeftOpen: false,
    });
  });

  it('have no queue', () => {
    const span = userSpanOf('query', { queued: 0, started: 20, duration: 7 });
    const root = arrange(runOf([stepOf('load', { childrenSpans: [span] })]));
    expect(child(child(root, 0), 0).segments.map(({ kind }) => kind)).toEqual(['work']);
  });
});

describe('a long run', () => {
  it('keeps the metadata of every step', () => {
    const metadata: SpanMetadata[] = [
      { scope: 'step', kind: 'userland.default', values: { rows: 1 }, updatedAt: '' },
    ];
    const steps = Array.from({ length: 1_000 }, (_, i) => stepOf(`step ${i}`, { metadata }));
    const root = arrange(runOf(steps));
    expect(root.children).toHaveLength(1_000);
    expect(root.children.every((node) => node.span.metadata === metadata)).toBe(true);
  });
});
